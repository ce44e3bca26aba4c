# CloudFront and its firewall: one distribution before the load balancer, one over the status page's files,
# which stay up while everything of ours is down. All of it is made in us-east-1.
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

variable "hosts" {
  description = "Hosts of the application."
  type        = list(string)
}

variable "status_host" {
  description = "The status page's host."
  type        = string
}

variable "origin_host" {
  description = "The name of the load balancer that answers now."
  type        = string
}

variable "edge_password" {
  description = "What the load balancer wants to hear in X-Origin-Password."
  type        = string
  sensitive   = true
}

variable "status_bucket_domain" {
  description = "The address of the status page's bucket."
  type        = string
}

variable "certificate_arn" {
  description = "The certificate, in us-east-1, once it is valid."
  type        = string
}

variable "key_arn" {
  description = "The KMS key of the firewall's log, in us-east-1."
  type        = string
}

locals {
  # AWS's own policies, by their published ids.
  caching_disabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  caching_optimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  all_viewer        = "216adef6-5c7f-47e4-b989-5492eafa07d3"
}

resource "aws_wafv2_web_acl" "this" {
  name        = var.name
  description = "Before CloudFront"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  # The application has finer limits of its own; this one keeps a flood from reaching it.
  rule {
    name     = "flood"
    priority = 0

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = 6000 # in 5 minutes, twice what the application allows an address to read
        aggregate_key_type    = "IP"
        evaluation_window_sec = 300
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "flood"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "AWSManagedRulesAmazonIpReputationList"
    priority = 10

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAmazonIpReputationList"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "AWSManagedRulesAmazonIpReputationList"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "AWSManagedRulesKnownBadInputsRuleSet"
    priority = 20

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "AWSManagedRulesKnownBadInputsRuleSet"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "AWSManagedRulesCommonRuleSet"
    priority = 30

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"

        # Photos and bulk prices are longer than 8 kB; the application bounds bodies itself.
        rule_action_override {
          name = "SizeRestrictions_BODY"

          action_to_use {
            count {}
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "AWSManagedRulesCommonRuleSet"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_cloudwatch_log_group" "firewall" {
  # checkov:skip=CKV_AWS_338:They hold guests' addresses: 90 days are what an investigation needs, and no more
  name              = "aws-waf-logs-${var.name}" # WAF takes no other beginning
  retention_in_days = 90
  kms_key_id        = var.key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }
    }
  }
}

resource "aws_cloudfront_distribution" "application" {
  # checkov:skip=CKV2_AWS_47:What Log4j fell to is refused (KnownBadInputs); the other list that this check asks for refuses VPNs and servers, from which guests and partners come
  # checkov:skip=CKV_AWS_86:The load balancer logs what it is asked, the firewall what it refuses; a third log of the same guests is not kept
  # checkov:skip=CKV_AWS_305:`/` is a page of the application, not a file
  # checkov:skip=CKV_AWS_310:Which region answers is decided behind `origin_host`, by a person: an automatic change to a database that is not promoted helps nobody
  # checkov:skip=CKV_AWS_374:Guests come from everywhere
  # checkov:skip=CKV2_AWS_32:The application sets its own security headers, on every answer (http/edge.py)
  enabled         = true
  is_ipv6_enabled = true
  http_version    = "http2and3"
  comment         = var.name
  aliases         = var.hosts
  price_class     = "PriceClass_All"
  web_acl_id      = aws_wafv2_web_acl.this.arn

  origin {
    origin_id   = "load-balancer"
    domain_name = var.origin_host

    custom_header {
      name  = "X-Origin-Password"
      value = var.edge_password
    }

    custom_origin_config {
      http_port                = 80
      https_port               = 443
      origin_protocol_policy   = "https-only"
      origin_ssl_protocols     = ["TLSv1.2"]
      origin_read_timeout      = 60
      origin_keepalive_timeout = 55 # the load balancer ends a connection after 60
    }
  }

  # Pages are for who asks; nothing is kept.
  default_cache_behavior {
    target_origin_id         = "load-balancer"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = true
    cache_policy_id          = local.caching_disabled
    origin_request_policy_id = local.all_viewer
  }

  # Files whose name changes with their content.
  ordered_cache_behavior {
    path_pattern             = "/assets/*"
    target_origin_id         = "load-balancer"
    viewer_protocol_policy   = "redirect-to-https"
    allowed_methods          = ["GET", "HEAD"]
    cached_methods           = ["GET", "HEAD"]
    compress                 = true
    cache_policy_id          = local.caching_optimized
    origin_request_policy_id = local.all_viewer
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

resource "aws_cloudfront_origin_access_control" "status" {
  name                              = "${var.name}-status"
  description                       = "CloudFront reads the status page's files; nobody else does"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_response_headers_policy" "status" {
  name = "${var.name}-status"

  security_headers_config {
    content_security_policy {
      content_security_policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action https:; base-uri 'none'; frame-ancestors 'none'"
      override                = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
  }
}

resource "aws_cloudfront_distribution" "status" {
  # checkov:skip=CKV2_AWS_47:What Log4j fell to is refused (KnownBadInputs); the other list that this check asks for refuses VPNs and servers, from which guests and partners come
  # checkov:skip=CKV_AWS_86:Who looks whether we work is not logged
  # checkov:skip=CKV_AWS_310:Its files are in one bucket, in another region than the platform
  # checkov:skip=CKV_AWS_374:Guests come from everywhere
  enabled             = true
  is_ipv6_enabled     = true
  http_version        = "http2and3"
  comment             = "${var.name} status page"
  aliases             = [var.status_host]
  default_root_object = "index.html"
  price_class         = "PriceClass_All"
  web_acl_id          = aws_wafv2_web_acl.this.arn

  origin {
    origin_id                = "files"
    domain_name              = var.status_bucket_domain
    origin_access_control_id = aws_cloudfront_origin_access_control.status.id
  }

  # Files say themselves how long they may be kept: pages 30 seconds.
  default_cache_behavior {
    target_origin_id           = "files"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = local.caching_optimized
    response_headers_policy_id = aws_cloudfront_response_headers_policy.status.id
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = var.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}

output "application_domain" {
  description = "What the application's hosts are aliases of."
  value       = aws_cloudfront_distribution.application.domain_name
}

output "status_domain" {
  description = "What the status page's host is an alias of."
  value       = aws_cloudfront_distribution.status.domain_name
}

output "zone_id" {
  description = "The zone of both, CloudFront's."
  value       = aws_cloudfront_distribution.application.hosted_zone_id
}

output "status_distribution_arn" {
  description = "Who reads the status page's bucket."
  value       = aws_cloudfront_distribution.status.arn
}
