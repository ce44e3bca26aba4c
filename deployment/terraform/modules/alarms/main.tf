# What AWS alone can see. The application's own figures are Prometheus's (deployment/monitoring).
terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  description = "Part of every name."
  type        = string
}

variable "emails" {
  description = "Who is told."
  type        = list(string)
}

variable "key_arn" {
  description = "The KMS key of messages."
  type        = string
}

variable "alarms" {
  description = "By name: metric, its dimensions, and from which value, for how many minutes, it is an alarm."
  type = map(object({
    namespace  = string
    metric     = string
    dimensions = map(string)
    statistic  = optional(string, "Average")
    below      = optional(bool, false)
    threshold  = number
    minutes    = optional(number, 5)
    missing    = optional(string, "missing")
    says       = string
  }))
}

resource "aws_sns_topic" "this" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.key_arn
}

resource "aws_sns_topic_subscription" "emails" {
  for_each  = toset(var.emails)
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = var.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.says
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
}

output "topic_arn" {
  description = "Where PagerDuty is subscribed."
  value       = aws_sns_topic.this.arn
}
