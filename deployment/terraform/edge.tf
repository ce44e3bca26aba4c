# From a guest's browser to the nodes: DNS, certificates, CloudFront with its firewall, the load balancer.
#
# The five hosts are CloudFront's, which is in no region. Which region answers is the weight of two records of
# one name, origin.<domain>: this environment's and the standby's. A person moves it (update-dns.sh), because
# a standby whose database has not been promoted can't take a booking; the health check only raises an alarm.
resource "aws_route53_zone" "this" {
  # checkov:skip=CKV2_AWS_38:Signing needs the registrar's hand, and a key lost there takes the whole domain away (docs/decisions/0065)
  # checkov:skip=CKV2_AWS_39:Who asks for our addresses is not logged
  count   = local.standby ? 0 : 1
  name    = var.domain
  comment = local.name
}

data "aws_route53_zone" "primary" {
  count = local.standby ? 1 : 0
  name  = var.domain
}

locals {
  zone_id = local.standby ? data.aws_route53_zone.primary[0].zone_id : aws_route53_zone.this[0].zone_id
}

resource "aws_route53_record" "delegations" {
  for_each = var.delegations
  zone_id  = local.zone_id
  name     = each.key
  type     = "NS"
  ttl      = 3600
  records  = each.value
}

# Only Amazon, for certificates of this domain and those below it.
resource "aws_route53_record" "certificate_authorities" {
  count   = local.standby ? 0 : 1
  zone_id = local.zone_id
  name    = var.domain
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\"", "0 issuewild \"amazon.com\""]
}

resource "aws_acm_certificate" "here" {
  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "edge" {
  count                     = local.standby ? 0 : 1
  domain_name               = var.domain
  subject_alternative_names = ["*.${var.domain}"]
  validation_method         = "DNS"

  provider = aws.global

  lifecycle {
    create_before_destroy = true
  }
}

# ACM asks for the same record for a name and those below it, in every region of an account: one serves all,
# the standby's too.
resource "aws_route53_record" "certificate" {
  count           = local.standby ? 0 : 1
  zone_id         = local.zone_id
  name            = tolist(aws_acm_certificate.here.domain_validation_options)[0].resource_record_name
  type            = tolist(aws_acm_certificate.here.domain_validation_options)[0].resource_record_type
  records         = [tolist(aws_acm_certificate.here.domain_validation_options)[0].resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "here" {
  certificate_arn = aws_acm_certificate.here.arn

  depends_on = [aws_route53_record.certificate]
}

resource "aws_acm_certificate_validation" "edge" {
  count           = local.standby ? 0 : 1
  certificate_arn = aws_acm_certificate.edge[0].arn

  provider = aws.global

  depends_on = [aws_route53_record.certificate]
}

data "aws_ec2_managed_prefix_list" "cloudfront" {
  count = var.edge == "cloudfront" ? 1 : 0
  name  = "com.amazonaws.global.cloudfront.origin-facing"
}

locals {
  # https://www.cloudflare.com/ips-v4, as of 2026; they change once in years, and are announced.
  cloudflare = [
    "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13", "104.24.0.0/14",
    "108.162.192.0/18", "131.0.72.0/22", "141.101.64.0/18", "162.158.0.0/15", "172.64.0.0/13",
    "173.245.48.0/20", "188.114.96.0/20", "190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17",
  ]
}

module "ingress" {
  source                 = "./modules/ingress"
  name                   = local.name
  vpc_id                 = module.network.vpc_id
  public_subnets         = module.network.public_subnets
  hosts                  = local.hosts
  certificate_arn        = aws_acm_certificate_validation.here.certificate_arn
  node_security_group    = module.cluster.security_group
  node_autoscaling_group = module.cluster.node_autoscaling_group
  from_prefix_list       = var.edge == "cloudfront" ? data.aws_ec2_managed_prefix_list.cloudfront[0].id : null
  from_cidrs             = var.edge == "cloudfront" ? [] : local.cloudflare
  edge_password          = local.shared["EDGE_PASSWORD"]
  log_bucket             = module.logs.name
  protected              = var.protected
}

# 100 and 0; update-dns.sh turns them round, and this leaves that alone.
resource "aws_route53_record" "origin" {
  zone_id        = local.zone_id
  name           = local.origin
  type           = "A" # an alias: resolvers keep it 60 seconds
  set_identifier = local.standby ? "dr" : "primary"

  weighted_routing_policy {
    weight = local.standby ? 0 : 100
  }

  alias {
    name                   = module.ingress.dns_name
    zone_id                = module.ingress.zone_id
    evaluate_target_health = false
  }

  lifecycle {
    ignore_changes = [weighted_routing_policy]
  }
}

module "edge_key" {
  source   = "./modules/key"
  count    = var.edge == "cloudfront" && !local.standby ? 1 : 0
  name     = "${local.name}-edge"
  services = ["logs.us-east-1.amazonaws.com"]

  providers = { aws = aws.global }
}

module "edge" {
  source               = "./modules/edge"
  count                = var.edge == "cloudfront" && !local.standby ? 1 : 0
  name                 = local.name
  hosts                = local.hosts
  status_host          = local.status
  origin_host          = local.origin
  edge_password        = local.shared["EDGE_PASSWORD"]
  status_bucket_domain = "${local.status_files}.s3.${var.copies_region}.amazonaws.com"
  certificate_arn      = aws_acm_certificate_validation.edge[0].certificate_arn
  key_arn              = module.edge_key[0].arn

  providers = { aws = aws.global }
}

resource "aws_route53_record" "hosts" {
  for_each = length(module.edge) == 0 ? {} : merge(
    { for pair in setproduct(local.hosts, ["A", "AAAA"]) : "${pair[0]} ${pair[1]}" => { host = pair[0], type = pair[1], to = module.edge[0].application_domain } },
    { for type in ["A", "AAAA"] : "${local.status} ${type}" => { host = local.status, type = type, to = module.edge[0].status_domain } },
  )

  zone_id = local.zone_id
  name    = each.value.host
  type    = each.value.type

  alias {
    name                   = each.value.to
    zone_id                = module.edge[0].zone_id
    evaluate_target_health = false
  }
}

# From outside, through the edge, as a guest.
resource "aws_route53_health_check" "site" {
  count             = local.standby ? 0 : 1
  fqdn              = var.domain
  type              = "HTTPS"
  port              = 443
  resource_path     = "/health/ready"
  request_interval  = 30
  failure_threshold = 3
  enable_sni        = true

  tags = { Name = var.domain }
}
