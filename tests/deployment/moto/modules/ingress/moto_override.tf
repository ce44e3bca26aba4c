# moto's node groups have no autoscaling group.
resource "aws_autoscaling_attachment" "gateway" {
  count = 0
}

resource "aws_vpc_security_group_ingress_rule" "edge" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  lifecycle {
    ignore_changes = [description]
  }
}
