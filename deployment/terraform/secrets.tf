# Six secrets, each a JSON object whose keys are names of settings (of files, in `gateway` and `alerting`); External Secrets
# hands them to pods. A standby has `addresses` and `gateway` of its own, and production's other four, copied.
# `generated` is made here and never read back. `shared` has the two words that other machines of AWS must know:
# ElastiCache takes its password, and the load balancer its word, in no other way, so these two are in the state.
module "generated" {
  source        = "./modules/generated"
  count         = local.standby ? 0 : 1
  name          = "hotel-booking/${var.environment}/generated"
  words         = ["ACCESS_PASSWORD", "DB_PASSWORD", "GRAFANA_ADMIN_PASSWORD", "HOTEL_ALERTMANAGER_TOKEN", "HOTEL_BACKUP_KEY", "HOTEL_SECRET_KEY"]
  generation    = var.secrets_generation
  copies_region = var.copies ? var.copies_region : null
  key_arn       = module.key.arn
}

module "shared" {
  source        = "./modules/generated"
  count         = local.standby ? 0 : 1
  name          = "hotel-booking/${var.environment}/shared"
  words         = ["EDGE_PASSWORD", "REDIS_PASSWORD"]
  generation    = var.secrets_generation
  copies_region = var.copies ? var.copies_region : null
  key_arn       = module.key.arn
}

# What others give, and an operator puts (docs/DEPLOYMENT_GUIDE.md): to the application, and to Alertmanager.
resource "aws_secretsmanager_secret" "given" {
  # checkov:skip=CKV2_AWS_57:Stripe, PagerDuty and others give these; an operator changes them there and here
  # checkov:skip=CKV_AWS_149:Copies have the key of their own region, AWS's; the secret itself has ours
  for_each    = local.standby ? [] : toset(["third-parties", "alerting"])
  name        = "hotel-booking/${var.environment}/${each.key}"
  description = "What others give; an operator puts it"
  kms_key_id  = module.key.arn

  dynamic "replica" {
    for_each = var.copies ? [var.copies_region] : []

    content {
      region = replica.value
    }
  }
}

data "aws_secretsmanager_secret_version" "shared" {
  secret_id = "hotel-booking/${local.primary}/shared"

  depends_on = [module.shared]
}

locals {
  shared = jsondecode(data.aws_secretsmanager_secret_version.shared.secret_string)
}

# Nothing secret, but known only here: so no address is written into a manifest.
resource "aws_secretsmanager_secret" "addresses" {
  # checkov:skip=CKV2_AWS_57:Addresses are not rotated
  name        = "hotel-booking/${var.environment}/addresses"
  description = "Where database and cache of this environment are"
  kms_key_id  = module.key.arn
}

resource "aws_secretsmanager_secret_version" "addresses" {
  secret_id     = aws_secretsmanager_secret.addresses.id
  secret_string = jsonencode(local.addresses)
}

locals {
  addresses = {
    DB_HOST    = module.database.host
    DB_PORT    = "5432"
    DB_NAME    = "hotel_booking"
    DB_USER    = "hotel_booking"
    REDIS_HOST = module.cache.host
    REDIS_PORT = "6379"
    REDIS_TLS  = "true"
  }
}

# The gateway's certificate, between load balancer and nodes, where nobody checks whose it is: an operator puts
# one that signs itself.
resource "aws_secretsmanager_secret" "gateway" {
  # checkov:skip=CKV2_AWS_57:An operator renews it, in years
  name        = "hotel-booking/${var.environment}/gateway"
  description = "tls.crt and tls.key of the Istio gateway"
  kms_key_id  = module.key.arn
}
