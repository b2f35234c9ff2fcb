variable "admin_cidrs" {
  description = "Networks that may reach the consoles"
  type        = list(string)
  default     = ["198.51.100.0/26"]
}

resource "aws_security_group" "console" {
  name   = "rabbit-console"
  vpc_id = var.vpc_id

  dynamic "ingress" {
    for_each = var.admin_cidrs
    content {
      description = "console"
      from_port   = 15672
      to_port     = 15672
      protocol    = "tcp"
      cidr_blocks = [ingress.value]
    }
  }
}
