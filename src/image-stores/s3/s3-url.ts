import { readFileSync } from 'node:fs';

/** Where a bucket is, and what opens it. */
export interface S3Place {
  bucket: string;
  /** In front of every key; empty, or with a slash at its end. */
  prefix: string;
  endpoint: string | undefined;
  region: string;
  /** A server that says nothing for so long is taken for gone. */
  timeoutMs: number;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

/**
 * Reads `s3://bucket[/prefix]?endpoint=http://host:port&region=…&timeout=30&credentials=/path`. The file has the access
 * key in its first line and the secret key in its second; without one the environment has them, as `AWS_ACCESS_KEY_ID` and
 * `AWS_SECRET_ACCESS_KEY`. So the URL, which the database and administrators see, holds no secret.
 */
export function s3Place(text: string): S3Place {
  const url = new URL(text);
  if (url.protocol !== 's3:' || url.hostname === '' || url.username !== '' || url.password !== '') {
    throw new Error(`${text} is no place of an S3 store: write s3://bucket/prefix?endpoint=http://host:port`);
  }
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  return {
    bucket: url.hostname,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint: url.searchParams.get('endpoint') ?? undefined,
    region: url.searchParams.get('region') ?? 'us-east-1',
    timeoutMs: Number(url.searchParams.get('timeout') ?? 30) * 1000,
    credentials: credentialsOf(url.searchParams.get('credentials')),
  };
}

function credentialsOf(path: string | null): S3Place['credentials'] {
  if (path === null) {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
    if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey };
    throw new Error('The S3 store has no keys: name a file by credentials=/path, or set AWS_ACCESS_KEY_ID.');
  }
  const [accessKeyId, secretAccessKey] = readFileSync(path, 'utf8').split('\n', 2);
  if (accessKeyId && secretAccessKey)
    return { accessKeyId: accessKeyId.trim(), secretAccessKey: secretAccessKey.trim() };
  throw new Error(`${path} is to have the access key in its first line and the secret key in its second.`);
}
