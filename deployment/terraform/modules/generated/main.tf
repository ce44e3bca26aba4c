# Words that nobody needs to know: made by AWS, put into a secret, kept in no plan and no state.
variable "name" {
  description = "The secret's name."
  type        = string
}

variable "words" {
  description = "The names of the words."
  type        = set(string)
}

variable "generation" {
  description = "Raised, all words are made anew."
  type        = number
}

variable "copies_region" {
  description = "Where the secret is copied to; null for nowhere."
  type        = string
}

variable "key_arn" {
  description = "The KMS key of the secret."
  type        = string
}

resource "aws_secretsmanager_secret" "this" {
  # checkov:skip=CKV2_AWS_57:Made anew by `generation`; a function that rotates is a program that can read them all
  name        = var.name
  description = "Settings that nobody needs to know"
  kms_key_id  = var.key_arn

  # The copy has the key of its own region, AWS's.
  dynamic "replica" {
    for_each = var.copies_region == null ? [] : [var.copies_region]

    content {
      region = replica.value
    }
  }
}

ephemeral "aws_secretsmanager_random_password" "word" {
  for_each            = var.words
  password_length     = 48
  exclude_punctuation = true # addresses and psql take them unquoted
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo_version = var.generation
  secret_string_wo         = jsonencode({ for name in var.words : name => ephemeral.aws_secretsmanager_random_password.word[name].random_password })
}
