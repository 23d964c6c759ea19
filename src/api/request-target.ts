/**
 * What a request asks for as routes can read it, so that the dialect whose path it is answers whatever comes: the path of a URL
 * that is given whole (RFC 9112, 3.2.2), and percent signs that stand for no character as what they are.
 */
export function requestTarget(url: string): string {
  const target = url.startsWith('/') ? url : fromRoot(url.replace(/^https?:\/\/[^/?]*/i, ''));
  if (!target.includes('%')) return target;
  const end = target.indexOf('?');
  const path = end === -1 ? target : target.slice(0, end);
  return isReadable(path) ? target : path.replaceAll('%', '%25') + target.slice(path.length);
}

function fromRoot(target: string): string {
  return target.startsWith('/') ? target : `/${target}`;
}

function isReadable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
