# EKS gives a cluster a security group of its own; moto does not.
data "aws_subnet" "moto" {
  id = var.subnets[0]
}

resource "aws_security_group" "moto" {
  name        = "${var.name}-moto"
  description = "In place of EKS's own"
  vpc_id      = data.aws_subnet.moto.vpc_id
}
