-- Whether the column `subject` holds a subject or the text of a claims matching expression. One column
-- for both keeps what is matched unique for an issuer within a client.
ALTER TABLE federated_credential ADD COLUMN matching TEXT NOT NULL DEFAULT 'subject'
    CHECK (matching IN ('subject', 'expression'));
