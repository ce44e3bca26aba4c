environment   = "production"
region        = "eu-central-1"
zones         = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
copies_region = "eu-west-1" # where dr stands
copies        = true
domain        = "hotelbooking.com"
network_cidr  = "10.20.0.0/16"

interface_endpoints = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts"]

kubernetes_version = "1.34"

nodes = {
  instance_types = ["m7i.large", "m6i.large"]
  count          = 6
  most           = 12
}

database = {
  class           = "db.m7g.large"
  storage_gb      = 100
  storage_most_gb = 1000
  retention_days  = 30
  multi_az        = true
  max_connections = 400
}

cache = {
  node_type = "cache.t4g.small"
  shards    = 2
  replicas  = 1
}
