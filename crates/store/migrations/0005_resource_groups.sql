-- Resource groups get tags: a JSON object of strings.
ALTER TABLE resource_group ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
