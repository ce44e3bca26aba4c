# What is inside modules, which a test of the whole does not see.
mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  key_arn               = "arn:aws:kms:eu-central-1:111122223333:key/11112222-3333-4444-5555-666677778888"
  vpc_id                = "vpc-1"
  subnets               = ["subnet-1", "subnet-2", "subnet-3"]
  client_security_group = "sg-clients"
}

run "network" {
  module {
    source = "./modules/network"
  }

  variables {
    name                = "hotel-booking-production"
    cidr                = var.network_cidr
    nat_per_zone        = true
    interface_endpoints = ["sts"]
  }

  assert {
    condition     = length(aws_subnet.database) == 3 && length(aws_subnet.nodes) == 3 && length(aws_subnet.public) == 3 && length(aws_nat_gateway.this) == 3
    error_message = "Each of three zones has subnets for the load balancer, nodes and database, and its own way out."
  }

  assert {
    condition     = alltrue([for route in concat([aws_route.internet], values(aws_route.nat)) : route.route_table_id != aws_route_table.database.id])
    error_message = "No route leads out of the database's subnets."
  }

  assert {
    condition     = alltrue([for subnet in merge(aws_subnet.nodes, aws_subnet.database) : subnet.map_public_ip_on_launch != true])
    error_message = "No node and no database has a public address."
  }

  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "The default security group lets nothing through."
  }
}

run "cluster" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    name               = "hotel-booking-production"
    operator_cidrs     = []
    operator_role_arns = ["arn:aws:iam::111122223333:role/hotel-booking-operators"]
  }

  assert {
    condition     = aws_eks_cluster.this.name == "hotel-booking-production" && aws_eks_node_group.general.node_group_name == "general"
    error_message = "The runbook upgrades --cluster=hotel-booking-production --name=general."
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "Without operators' networks the Kubernetes API is reached from inside only."
  }

  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.key_arn && contains(aws_eks_cluster.this.encryption_config[0].resources, "secrets")
    error_message = "Secrets are encrypted by our key."
  }

  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && aws_eks_cluster.this.access_config[0].authentication_mode == "API"
    error_message = "All logs of the control plane are kept, and access is by entries."
  }

  assert {
    condition     = aws_launch_template.nodes.metadata_options[0].http_tokens == "required" && aws_launch_template.nodes.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "A pod does not get the node's role."
  }
}

run "open_cluster" {
  command = plan

  module {
    source = "./modules/cluster"
  }

  variables {
    name               = "hotel-booking-production"
    operator_cidrs     = ["198.51.100.0/24"]
    operator_role_arns = []
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].public_access_cidrs == toset(["198.51.100.0/24"])
    error_message = "Only operators' networks reach the Kubernetes API."
  }
}

run "granted" {
  command = plan

  module {
    source = "./modules/granted"
  }

  variables {
    name        = "hotel-booking-production"
    cluster_arn = "arn:aws:eks:eu-central-1:111122223333:cluster/hotel-booking-production"
    granters    = ["arn:aws:iam::111122223333:user/jane"]
  }

  assert {
    condition     = { for role in aws_iam_role.this : role.name => role.max_session_duration } == { hotel-booking-production-access-dba = 14400, hotel-booking-production-access-deployer = 7200, hotel-booking-production-access-operator = 28800, hotel-booking-production-access-read-only = 43200 }
    error_message = "A role for each that there is, as long as it may be granted, and none longer than 12 hours."
  }

  assert {
    condition     = alltrue([for entry in aws_eks_access_entry.this : entry.user_name == "access:{{SessionNameRaw}}" && entry.type == "STANDARD" && length(entry.kubernetes_groups) == 0]) && length(aws_eks_access_entry.this) == 4
    error_message = "Kubernetes knows the person as access:EMAIL, and by no group."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust[0].statement[0].principals).identifiers == toset(["arn:aws:iam::111122223333:user/jane"]) && toset([for one in data.aws_iam_policy_document.trust[0].statement[0].condition : one.variable]) == toset(["aws:MultiFactorAuthPresent", "sts:RoleSessionName"]) && length(data.aws_iam_policy_document.trust[0].statement) == 1
    error_message = "Only who grants begins a session, with a second factor, in somebody's name."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.find.statement) == 1 && data.aws_iam_policy_document.find.statement[0].actions == toset(["eks:DescribeCluster"])
    error_message = "At AWS a session finds the cluster, and that is all it could be given."
  }
}

run "nobody_grants" {
  command = plan

  module {
    source = "./modules/granted"
  }

  variables {
    name        = "hotel-booking-staging"
    cluster_arn = "arn:aws:eks:eu-central-1:111122223333:cluster/hotel-booking-staging"
    granters    = []
  }

  assert {
    condition     = length(aws_iam_role.this) == 0 && length(aws_eks_access_entry.this) == 0 && output.pattern == null
    error_message = "Without granters nothing is made."
  }
}

run "database" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    name      = "hotel-booking-production"
    size      = var.database
    protected = true
  }

  assert {
    condition     = aws_db_instance.this.engine == "postgres" && aws_db_instance.this.engine_version == "15" && !aws_db_instance.this.publicly_accessible && aws_db_instance.this.storage_encrypted && aws_db_instance.this.deletion_protection
    error_message = "PostgreSQL 15, private, encrypted, protected."
  }

  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS keeps the master's password; it is in no state."
  }

  assert {
    condition     = aws_db_instance.this.multi_az == var.database.multi_az && aws_db_instance.this.backup_retention_period == var.database.retention_days
    error_message = "Zones and days of recovery are the environment's."
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "A connection without TLS is refused."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.this.referenced_security_group_id == "sg-clients" && aws_vpc_security_group_ingress_rule.this.cidr_ipv4 == null
    error_message = "Only nodes and pods connect."
  }
}

run "replica" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    name       = "hotel-booking-dr"
    size       = var.database
    protected  = true
    replica_of = "arn:aws:rds:eu-central-1:111122223333:db:hotel-booking-production"
  }

  assert {
    condition     = aws_db_instance.this.apply_immediately
    error_message = "A standby is woken at once, and not in Sunday's window."
  }

  assert {
    condition     = aws_db_instance.this.replicate_source_db == "arn:aws:rds:eu-central-1:111122223333:db:hotel-booking-production" && aws_db_instance.this.backup_retention_period >= 7
    error_message = "A standby's database follows production's, and keeps backups of its own."
  }
}

run "cache" {
  command = plan

  module {
    source = "./modules/cache"
  }

  variables {
    name     = "hotel-booking-production"
    size     = var.cache
    password = "a-password-of-redis"
  }

  assert {
    condition     = aws_elasticache_replication_group.this.transit_encryption_enabled && aws_elasticache_replication_group.this.at_rest_encryption_enabled && nonsensitive(aws_elasticache_replication_group.this.auth_token) == "a-password-of-redis"
    error_message = "Redis has TLS and a password."
  }

  assert {
    condition     = aws_elasticache_replication_group.this.num_node_groups >= 2 && aws_elasticache_replication_group.this.parameter_group_name == "default.redis7.cluster.on"
    error_message = "Redis 7 in cluster mode."
  }
}

run "edge" {
  module {
    source = "./modules/edge"
  }

  variables {
    name                 = "hotel-booking-production"
    hosts                = ["hotelbooking.com", "api.hotelbooking.com"]
    status_host          = "status.hotelbooking.com"
    origin_host          = "origin.hotelbooking.com"
    edge_password        = "a-word-of-the-edge"
    status_bucket_domain = "a-bucket.s3.eu-west-1.amazonaws.com"
    certificate_arn      = "arn:aws:acm:us-east-1:111122223333:certificate/1"
  }

  assert {
    condition     = aws_cloudfront_distribution.application.web_acl_id == aws_wafv2_web_acl.this.arn && aws_cloudfront_distribution.status.web_acl_id == aws_wafv2_web_acl.this.arn
    error_message = "The firewall stands before both distributions."
  }

  assert {
    condition     = aws_cloudfront_distribution.application.default_cache_behavior[0].cache_policy_id == local.caching_disabled
    error_message = "Nobody's page is kept for somebody else."
  }

  assert {
    condition     = alltrue([for one in [aws_cloudfront_distribution.application, aws_cloudfront_distribution.status] : one.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021" && one.default_cache_behavior[0].viewer_protocol_policy == "redirect-to-https"])
    error_message = "TLS 1.2 and later, always."
  }
}

run "ingress" {
  command = plan

  module {
    source = "./modules/ingress"
  }

  variables {
    name                   = "hotel-booking-production"
    public_subnets         = ["subnet-1", "subnet-2", "subnet-3"]
    hosts                  = ["hotelbooking.com"]
    certificate_arn        = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
    node_security_group    = "sg-nodes"
    node_autoscaling_group = "eks-general"
    from_prefix_list       = "pl-cloudfront"
    edge_password          = "a-word-of-the-edge"
    log_bucket             = "a-bucket"
    protected              = true
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.edge) == 1 && aws_vpc_security_group_ingress_rule.edge[0].prefix_list_id == "pl-cloudfront" && aws_vpc_security_group_ingress_rule.edge[0].from_port == 443 && length(aws_vpc_security_group_ingress_rule.edge_networks) == 0
    error_message = "The load balancer takes HTTPS from the edge, and nothing else."
  }

  assert {
    condition     = aws_lb_listener.https.default_action[0].fixed_response[0].status_code == "403" && aws_lb.this.desync_mitigation_mode == "strictest"
    error_message = "Who does not know the word is refused, and so is a request that can be read in two ways."
  }

  assert {
    condition     = aws_lb_target_group.gateway.protocol == "HTTPS" && aws_lb_target_group.gateway.port == 30443 && aws_lb_target_group.gateway.health_check[0].port == "30021"
    error_message = "The ports are those of the gateway's Service."
  }
}

run "bucket" {
  command = plan

  module {
    source = "./modules/bucket"
  }

  variables {
    name        = "hotel-booking-production-backups-111122223333"
    lock        = { mode = "COMPLIANCE", days = 7 }
    expiry_days = { "database/" = 30, "state/" = 7, "configuration/" = 90 }
  }

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && !aws_s3_bucket.this.force_destroy && aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE"
    error_message = "What was put is locked."
  }

  assert {
    condition     = { for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id => rule.expiration[0].days if length(rule.expiration) > 0 } == { configuration = 90, database = 30, state = 7 }
    error_message = "Each kind of backup is kept as long as the runbook says."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.restrict_public_buckets && aws_s3_bucket_public_access_block.this.block_public_policy && one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms"
    error_message = "Private, and encrypted by our key."
  }
}
