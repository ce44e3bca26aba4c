variable "environment" {
  description = "What is being built; part of every name."
  type        = string

  validation {
    condition     = contains(["staging", "production", "dr"], var.environment)
    error_message = "An environment is staging, production or dr: use -var-file=environments/<environment>.tfvars."
  }
}

variable "region" {
  description = "The region of everything that is not global."
  type        = string
}

variable "zones" {
  description = "Three zones of the region, by name: which they are is not left to what AWS adds one day."
  type        = list(string)

  validation {
    condition     = length(distinct(var.zones)) == 3 && alltrue([for zone in var.zones : startswith(zone, var.region)])
    error_message = "Name three zones of the region, such as eu-central-1a, eu-central-1b and eu-central-1c."
  }
}

variable "copies_region" {
  description = "Where copies of backups, photos and secrets go, and where the status page is."
  type        = string
}

variable "copies" {
  description = "Whether backups, photos and secrets are copied to `copies_region`."
  type        = bool
  default     = false
}

variable "standby_of" {
  description = "For a standby: the environment that it stands in for, and that one's region. Its database is a replica of that one's; secrets, backups and photos are that one's copies."
  type = object({
    environment = string
    region      = string
  })
  default = null
}

variable "asleep" {
  description = "A standby at its smallest: two nodes, one database machine, one cache. `-var=asleep=true` is for quiet times; without it, as in the runbook, the standby is given the size of production."
  type        = bool
  default     = false

  validation {
    condition     = !var.asleep || var.standby_of != null
    error_message = "Only a standby sleeps: this environment stands in for no other."
  }
}

variable "domain" {
  description = "The guests' site; api., admin., monitoring. and status. are put before it."
  type        = string
}

variable "delegations" {
  description = "Name servers of zones below `domain` that other environments keep, such as staging's."
  type        = map(list(string))
  default     = {}
}

variable "edge" {
  description = "What guests connect to: cloudfront (made here), or cloudflare (made by ./cloudflare, after this)."
  type        = string
  default     = "cloudfront"

  validation {
    condition     = contains(["cloudfront", "cloudflare"], var.edge)
    error_message = "The edge is cloudfront or cloudflare."
  }
}

variable "cost_centre" {
  description = "Tag CostCentre, by which the bill is divided."
  type        = string
  default     = "hotel-booking"
}

variable "network_cidr" {
  description = "Addresses of the VPC, a /16; HOTEL_TRUSTED_PROXIES must hold it."
  type        = string

  validation {
    condition     = can(cidrhost(var.network_cidr, 0)) && endswith(var.network_cidr, "/16")
    error_message = "The network is a /16, such as 10.20.0.0/16."
  }
}

variable "nat_per_zone" {
  description = "A way out for each zone: without, the loss of one zone takes Stripe and mail from all."
  type        = bool
  default     = true
}

variable "interface_endpoints" {
  description = "AWS services that nodes reach without the internet. S3, with the layers of images, always is one."
  type        = set(string)
  default     = []
}

variable "kubernetes_version" {
  description = "Of control plane and nodes (docs/decisions/0063)."
  type        = string
}

variable "operator_cidrs" {
  description = "Networks from which operators reach the Kubernetes API; none: only from inside the VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.operator_cidrs, "0.0.0.0/0") && !contains(var.operator_cidrs, "::/0")
    error_message = "The Kubernetes API is not for the whole internet: name your office's or VPN's networks."
  }
}

variable "access_granters" {
  description = "ARNs of the IAM users who may begin sessions of access for some hours (docs/decisions/0085); none: access has no login of AWS."
  type        = list(string)
  default     = []

  # A session that is begun by a role's session ends after an hour, and by `root` anybody in the account would be meant.
  validation {
    condition     = alltrue([for arn in var.access_granters : can(regex("^arn:aws:iam::[0-9]{12}:user/[\\w+=,.@/-]+$", arn))])
    error_message = "Granters are IAM users: arn:aws:iam::ACCOUNT:user/NAME."
  }
}

variable "nodes" {
  description = "Node group `general`: what each node is, and how many there are (two while asleep)."
  type = object({
    instance_types = list(string)
    count          = number
    most           = number
  })

  validation {
    condition     = var.nodes.count >= 2 && var.nodes.most >= var.nodes.count
    error_message = "A drained node's pods need another node: nodes.count is at least 2, and nodes.most no less."
  }
}

variable "database" {
  description = "RDS: class, GB at first and at most, days of point-in-time recovery, and whether a second zone has a standby."
  type = object({
    class           = string
    storage_gb      = number
    storage_most_gb = number
    retention_days  = number
    multi_az        = bool
    max_connections = number
  })

  validation {
    condition     = var.database.retention_days >= 7 && var.database.retention_days <= 35
    error_message = "RDS keeps 7 to 35 days for point-in-time recovery."
  }
}

variable "cache" {
  description = "ElastiCache: node type, shards, and copies of each."
  type = object({
    node_type = string
    shards    = number
    replicas  = number
  })
}

variable "protected" {
  description = "Whether database, load balancer and backups refuse to be deleted."
  type        = bool
  default     = true
}

variable "backup_lock_mode" {
  description = "COMPLIANCE: nobody deletes a backup before its time, not even the account's owner. GOVERNANCE: who has s3:BypassGovernanceRetention may."
  type        = string
  default     = "COMPLIANCE"
}

variable "secrets_generation" {
  description = "Raise it to have the secrets `generated` and `shared` made anew; what that takes is in docs/DEPLOYMENT_GUIDE.md."
  type        = number
  default     = 1
}

variable "alarm_emails" {
  description = "Who is told of alarms beside PagerDuty, which is subscribed by hand: its address is a secret."
  type        = list(string)
  default     = []
}
