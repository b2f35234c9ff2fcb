variable "vpc_id" { type = string }

locals {
  ingress = [
    { description = "metrics from az a", port = 9090, cidr = "10.61.0.0/24" },
    { description = "metrics from az b", port = 9090, cidr = "10.61.1.0/24" },
    { description = "job control", port = 7077, cidr = "10.62.4.0/26" },
  ]
}

resource "aws_security_group" "batch" {
  name        = "batch-workers"
  description = "nightly batch"
  vpc_id      = var.vpc_id

  dynamic "ingress" {
    for_each = local.ingress
    content {
      description = ingress.value.description
      from_port   = ingress.value.port
      to_port     = ingress.value.port
      protocol    = "tcp"
      cidr_blocks = [ingress.value.cidr]
    }
  }

  egress {
    description = "internet, for package mirrors and APIs"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = {
    Name = "batch-workers"
  }
}
