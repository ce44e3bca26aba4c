# What deployment/kubernetes/overlays/<environment> needs; docs/DEPLOYMENT_GUIDE.md says where each goes.
output "cluster" {
  description = "For `aws eks update-kubeconfig`."
  value       = { name = module.cluster.name, region = var.region }
}

output "addresses" {
  description = "Where database and cache are; pods have it from the secret of that name."
  value       = local.addresses
}

output "service_account_roles" {
  description = "The annotation eks.amazonaws.com/role-arn of each ServiceAccount."
  value       = { for name, role in module.service_account : name => role.arn }
}

output "access" {
  description = "Of whoever grants access for some hours: HOTEL_ACCESS_AWS_ROLE, and the policy to attach to them."
  value       = { role = module.granted.pattern, granter_policy = module.granted.granter_policy }
}

output "buckets" {
  description = "Where backups, photos and the status page's files go."
  value       = { backups = local.backups_here, assets = local.assets_here, status = local.status_files }
}

output "secrets" {
  description = "Names in Secrets Manager that External Secrets hands to pods."
  value = concat(
    [for name in ["generated", "shared", "third-parties", "alerting"] : "hotel-booking/${local.primary}/${name}"],
    [aws_secretsmanager_secret.addresses.name, aws_secretsmanager_secret.gateway.name],
  )
}

output "database_master_secret" {
  description = "Where RDS keeps, and renews every week, the password of `hotel_operator`."
  value       = module.database.master_secret_arn
}

output "name_servers" {
  description = "What the registrar, or the zone above, is told; none for a standby."
  value       = flatten(aws_route53_zone.this[*].name_servers)
}

output "dns" {
  description = "What update-dns.sh changes: the weights of the records primary and dr of this name."
  value       = { zone_id = local.zone_id, name = local.origin, load_balancer = module.ingress.dns_name, load_balancer_zone_id = module.ingress.zone_id }
}

output "alarm_topics" {
  description = "Where PagerDuty is subscribed."
  value       = concat([module.alarms.topic_arn], module.site_alarm[*].topic_arn)
}
