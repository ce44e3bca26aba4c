# One environment of the hotel booking platform. `terraform init` needs environments/<environment>.s3.tfbackend,
# every other command environments/<environment>.tfvars; docs/DEPLOYMENT_GUIDE.md, "On AWS", walks the way.
data "aws_caller_identity" "this" {}

locals {
  name    = "hotel-booking-${var.environment}" # cluster, namespace, database, …
  account = data.aws_caller_identity.this.account_id
  standby = var.standby_of != null
  # Whose secrets and zone these are: a standby uses what it stands in for.
  primary = local.standby ? var.standby_of.environment : var.environment

  subdomains = ["api", "admin", "monitoring"]
  hosts      = concat([var.domain], [for part in local.subdomains : "${part}.${var.domain}"])
  status     = "status.${var.domain}"
  origin     = "origin.${var.domain}"

  nodes    = var.asleep ? merge(var.nodes, { count = 2 }) : var.nodes
  database = var.asleep ? merge(var.database, { multi_az = false }) : var.database
  cache    = var.asleep ? merge(var.cache, { shards = 1, replicas = 0 }) : var.cache
}

# The state of one environment is never turned into another's: with production's state and staging's file this
# would have to be replaced, which is refused before anything is touched. To take an environment down for
# good, `terraform state rm terraform_data.environment` first.
resource "terraform_data" "environment" {
  triggers_replace = var.environment

  lifecycle {
    prevent_destroy = true
  }
}

module "key" {
  source   = "./modules/key"
  name     = local.name
  services = ["logs.${var.region}.amazonaws.com", "cloudwatch.amazonaws.com", "sns.amazonaws.com"]
}

module "network" {
  source              = "./modules/network"
  name                = local.name
  cidr                = var.network_cidr
  zones               = var.zones
  nat_per_zone        = var.nat_per_zone
  interface_endpoints = var.interface_endpoints
  key_arn             = module.key.arn
}

module "cluster" {
  source             = "./modules/cluster"
  name               = local.name
  kubernetes_version = var.kubernetes_version
  subnets            = module.network.node_subnets
  operator_cidrs     = var.operator_cidrs
  operator_role_arns = ["arn:aws:iam::${local.account}:role/hotel-booking-operators"] # by ./account
  nodes              = local.nodes
  key_arn            = module.key.arn
}

module "granted" {
  source      = "./modules/granted"
  name        = module.cluster.name
  cluster_arn = "arn:aws:eks:${var.region}:${local.account}:cluster/${local.name}"
  granters    = var.access_granters
}

module "database" {
  source                = "./modules/database"
  name                  = local.name
  vpc_id                = module.network.vpc_id
  subnets               = module.network.database_subnets
  client_security_group = module.cluster.security_group
  size                  = local.database
  protected             = var.protected
  key_arn               = module.key.arn
  # Written and not looked up: nothing here asks the region that may be gone.
  replica_of = local.standby ? "arn:aws:rds:${var.standby_of.region}:${local.account}:db:hotel-booking-${local.primary}" : null
}

module "cache" {
  source                = "./modules/cache"
  name                  = local.name
  vpc_id                = module.network.vpc_id
  subnets               = module.network.database_subnets
  client_security_group = module.cluster.security_group
  size                  = local.cache
  password              = local.shared["REDIS_PASSWORD"]
  key_arn               = module.key.arn
}
