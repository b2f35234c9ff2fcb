resource "aws_kms_key" "ledger" {
  description             = "ledger"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}
