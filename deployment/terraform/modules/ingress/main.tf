# The load balancer: TLS from the edge, TLS on to the nodes' port of the Istio gateway.
variable "name" {
  description = "The load balancer's name."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "public_subnets" {
  description = "Subnets of the load balancer."
  type        = list(string)
}

variable "hosts" {
  description = "Hosts that are let through."
  type        = list(string)
}

variable "certificate_arn" {
  description = "The certificate, once it is valid."
  type        = string
}

variable "node_security_group" {
  description = "The security group of the nodes."
  type        = string
}

variable "node_autoscaling_group" {
  description = "The autoscaling group of the nodes."
  type        = string
}

variable "from_prefix_list" {
  description = "The edge's addresses, as a prefix list of AWS; null where `from_cidrs` says."
  type        = string
  default     = null
}

variable "from_cidrs" {
  description = "The edge's addresses, as networks."
  type        = list(string)
  default     = []
}

variable "edge_password" {
  description = "What our edge says in X-Origin-Password: everybody's distributions have the same addresses."
  type        = string
  sensitive   = true
}

variable "log_bucket" {
  description = "Where requests are logged."
  type        = string
}

variable "protected" {
  description = "Whether it refuses to be deleted."
  type        = bool
}

locals {
  https_port  = 30443 # the gateway Service's, in deployment/kubernetes/istio
  health_port = 30021
}

resource "aws_security_group" "this" {
  name        = "${var.name}-load-balancer"
  description = "HTTPS from the edge, on to the nodes"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }
}

resource "aws_vpc_security_group_ingress_rule" "edge" {
  count             = var.from_prefix_list == null ? 0 : 1
  security_group_id = aws_security_group.this.id
  description       = "HTTPS from the edge"
  prefix_list_id    = var.from_prefix_list
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "edge_networks" {
  for_each          = toset(var.from_cidrs)
  security_group_id = aws_security_group.this.id
  description       = "HTTPS from the edge"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  for_each                     = { https = local.https_port, health = local.health_port }
  security_group_id            = aws_security_group.this.id
  description                  = "To the gateway on the nodes: ${each.key}"
  referenced_security_group_id = var.node_security_group
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  for_each                     = { https = local.https_port, health = local.health_port }
  security_group_id            = var.node_security_group
  description                  = "From the load balancer: ${each.key}"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_lb" "this" {
  # checkov:skip=CKV2_AWS_28:The firewall stands at the edge, where a guest's address is known, and nothing comes here but from the edge
  # checkov:skip=CKV_AWS_150:Protected in production and dr; staging may be taken down
  name               = var.name
  load_balancer_type = "application"
  security_groups    = [aws_security_group.this.id]
  subnets            = var.public_subnets

  drop_invalid_header_fields       = true
  desync_mitigation_mode           = "strictest" # a request that could be read in two ways is refused
  preserve_host_header             = true
  enable_cross_zone_load_balancing = true
  enable_deletion_protection       = var.protected
  idle_timeout                     = 60

  access_logs {
    bucket  = var.log_bucket
    prefix  = var.name
    enabled = true
  }
}

resource "aws_lb_target_group" "gateway" {
  name                 = var.name
  vpc_id               = var.vpc_id
  target_type          = "instance"
  protocol             = "HTTPS"
  port                 = local.https_port
  deregistration_delay = 30

  health_check {
    protocol            = "HTTP"
    port                = local.health_port
    path                = "/healthz/ready"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
    matcher             = "200"
  }
}

resource "aws_autoscaling_attachment" "gateway" {
  # checkov:skip=CKV2_AWS_15:The group is EKS's, which replaces nodes that Kubernetes finds unwell (node_repair_config); a gateway that is restarting is no reason to lose a node
  autoscaling_group_name = var.node_autoscaling_group
  lb_target_group_arn    = aws_lb_target_group.gateway.arn
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "Not by this way."
      status_code  = "403"
    }
  }
}

resource "aws_lb_listener_rule" "through_our_edge" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 1

  condition {
    host_header {
      values = var.hosts
    }
  }

  condition {
    http_header {
      http_header_name = "X-Origin-Password"
      values           = [var.edge_password]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.gateway.arn
  }
}

output "dns_name" {
  description = "The load balancer's own name."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "The zone of that name."
  value       = aws_lb.this.zone_id
}

output "arn_suffix" {
  description = "The load balancer, as metrics have it."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "The target group, as metrics have it."
  value       = aws_lb_target_group.gateway.arn_suffix
}
