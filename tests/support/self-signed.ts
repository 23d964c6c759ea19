import { execFileSync } from 'node:child_process';

/** A certificate that vouches for itself, and its key, in PEM, for tests. */
export function selfSigned(name: string): { chain: string; privateKey: string; pem: string } {
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${name} -keyout - -out -`;
  const pem = execFileSync('openssl', words.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const block = (kind: string) => new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`).exec(pem)![0];
  return { chain: block('CERTIFICATE'), privateKey: block('PRIVATE KEY'), pem };
}
