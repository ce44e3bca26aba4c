# CloudFlare as the edge, as in the runbook's picture, in place of modules/edge: applied after an environment
# whose `edge` is "cloudflare", with that one's outputs. Its state is its own, and so is its provider.
#
# Only parsed by our checks: this provider could not be had where they were written. Before the first use,
# run `terraform init && terraform validate && terraform plan` here and read the plan.
terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = "~> 4.52"
    }
  }

  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

variable "domain" {
  description = "The guests' site, a zone at CloudFlare."
  type        = string
}

variable "account_id" {
  description = "CloudFlare's account."
  type        = string
}

variable "origin_host" {
  description = "Output `dns.name` of the environment: the name of the load balancer that answers now."
  type        = string
}

variable "edge_password" {
  description = "EDGE_PASSWORD in the secret `generated`; by TF_VAR_edge_password, so that it is in no file."
  type        = string
  sensitive   = true
}

variable "status_target" {
  description = "Where the status page's files are served from, such as a bucket's website of another provider."
  type        = string
}

provider "cloudflare" {} # by CLOUDFLARE_API_TOKEN

resource "cloudflare_zone" "this" {
  account_id = var.account_id
  zone       = var.domain
}

resource "cloudflare_record" "hosts" {
  for_each = toset(["@", "api", "admin", "monitoring"])
  zone_id  = cloudflare_zone.this.id
  name     = each.key
  type     = "CNAME"
  content  = var.origin_host
  proxied  = true
}

resource "cloudflare_record" "status" {
  zone_id = cloudflare_zone.this.id
  name    = "status"
  type    = "CNAME"
  content = var.status_target
  proxied = true
}

resource "cloudflare_zone_settings_override" "this" {
  zone_id = cloudflare_zone.this.id

  settings {
    ssl                      = "strict"
    always_use_https         = "on"
    min_tls_version          = "1.2"
    tls_1_3                  = "on"
    http3                    = "on"
    automatic_https_rewrites = "off"
    email_obfuscation        = "off" # it rewrites pages, whose scripts our Content-Security-Policy then refuses
    rocket_loader            = "off"
  }
}

# The load balancer lets through who knows the word.
resource "cloudflare_ruleset" "word" {
  zone_id = cloudflare_zone.this.id
  name    = "origin"
  kind    = "zone"
  phase   = "http_request_late_transform"

  rules {
    description = "Who we are, to the load balancer"
    expression  = "true"
    action      = "rewrite"

    action_parameters {
      headers {
        name      = "X-Origin-Password"
        operation = "set"
        value     = var.edge_password
      }
    }
  }
}

resource "cloudflare_ruleset" "cache" {
  zone_id = cloudflare_zone.this.id
  name    = "cache"
  kind    = "zone"
  phase   = "http_request_cache_settings"

  rules {
    description = "Only files whose name changes with their content"
    expression  = "not starts_with(http.request.uri.path, \"/assets/\")"
    action      = "set_cache_settings"

    action_parameters {
      cache = false
    }
  }
}

resource "cloudflare_ruleset" "firewall" {
  zone_id = cloudflare_zone.this.id
  name    = "firewall"
  kind    = "zone"
  phase   = "http_request_firewall_managed"

  rules {
    description = "CloudFlare's managed rules"
    expression  = "true"
    action      = "execute"

    action_parameters {
      id = "efb7b8c949ac4650a09736fc376e9aee"
    }
  }
}

resource "cloudflare_ruleset" "flood" {
  zone_id = cloudflare_zone.this.id
  name    = "flood"
  kind    = "zone"
  phase   = "http_ratelimit"

  rules {
    description = "As modules/edge: 6000 in 5 minutes"
    expression  = "true"
    action      = "block"

    ratelimit {
      characteristics     = ["cf.colo.id", "ip.src"]
      period              = 60
      requests_per_period = 1200
      mitigation_timeout  = 60
    }
  }
}
