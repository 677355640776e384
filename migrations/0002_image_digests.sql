-- Container name → digest of the image that the deployment's first task ran; its later tasks run the same ones (D-30).
ALTER TABLE deployments ADD COLUMN image_digests jsonb NOT NULL DEFAULT '{}';
