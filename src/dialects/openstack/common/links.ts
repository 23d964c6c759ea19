import { Type } from 'typebox';

export interface Link {
  rel: string;
  href: string;
}

/** A link as every service writes it. */
export const LinkSchema = Type.Object({
  rel: Type.String(),
  href: Type.String(),
  type: Type.Optional(Type.String()),
});

/**
 * Nova's and Cinder's two links of a resource. `self` has the version, and the project where the request's URL had it;
 * `bookmark` is the same without the version.
 * @param base the mount point as the client reached it, as `http://cloud/compute/v2.1`
 * @param path of the resource below it, as `servers/1b4e28ba-…`
 */
export function resourceLinks(base: string, path: string): [Link, Link] {
  return [{ rel: 'self', href: `${base}/${path}` }, bookmark(base, path)];
}

/** Only the link without version, as flavors and images have inside a server. */
export function bookmark(base: string, path: string): Link {
  return { rel: 'bookmark', href: `${base.replace(/\/v\d+(\.\d+)?(?=\/|$)/, '')}/${path}` };
}
