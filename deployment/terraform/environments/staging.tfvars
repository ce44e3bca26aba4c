# Production's shape at the smallest size: what differs is how many of each, never which.
environment   = "staging"
region        = "eu-central-1"
zones         = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
copies_region = "eu-west-1" # its status page
domain        = "staging.hotelbooking.com"
network_cidr  = "10.10.0.0/16"
nat_per_zone  = false

kubernetes_version = "1.34"

nodes = {
  instance_types = ["m7i.large", "m6i.large"]
  count          = 3
  most           = 6
}

database = {
  class           = "db.t4g.medium"
  storage_gb      = 20
  storage_most_gb = 100
  retention_days  = 7
  multi_az        = false
  max_connections = 200
}

cache = {
  node_type = "cache.t4g.micro"
  shards    = 2 # cluster mode is tried here first
  replicas  = 0
}

protected        = false # restores into staging replace its database
backup_lock_mode = "GOVERNANCE"
