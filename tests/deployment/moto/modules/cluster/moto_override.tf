resource "aws_eks_cluster" "this" {
  lifecycle {
    ignore_changes = [access_config, kubernetes_network_config, upgrade_policy, vpc_config]
  }
}

resource "aws_eks_node_group" "general" {
  lifecycle {
    ignore_changes = [release_version, launch_template, node_repair_config, remote_access, update_config]
  }
}

resource "aws_launch_template" "nodes" {
  lifecycle {
    ignore_changes = [tag_specifications]
  }
}

resource "aws_eks_access_entry" "operators" {
  for_each = toset([])
}

resource "aws_eks_access_policy_association" "operators" {
  for_each = toset([])
}

resource "aws_eks_addon" "before_nodes" {
  for_each = {}
}

resource "aws_eks_addon" "on_nodes" {
  for_each = toset([])
}

resource "aws_eks_addon" "disks" {
  count = 0
}

output "security_group" {
  value = aws_security_group.moto.id
}
