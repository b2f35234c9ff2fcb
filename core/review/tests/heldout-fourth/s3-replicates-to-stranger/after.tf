resource "aws_s3_bucket" "ledger" {
  bucket = "acme-ledger-archive"
}

resource "aws_s3_bucket_versioning" "ledger" {
  bucket = aws_s3_bucket.ledger.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_replication_configuration" "ledger" {
  role   = aws_iam_role.replication.arn
  bucket = aws_s3_bucket.ledger.id

  rule {
    id     = "second-region"
    status = "Enabled"

    destination {
      bucket        = "arn:aws:s3:::ledger-mirror-77"
      account       = "998877665544"
      storage_class = "STANDARD_IA"

      access_control_translation {
        owner = "Destination"
      }
    }
  }
}
