import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { atLeast, type MicroversionedService } from '../common/microversion.ts';

/** What clients may ask for: up to nested candidates, all that comes after is about what there is none of here. */
export const placementMicroversions: MicroversionedService = {
  type: 'placement',
  min: { major: 1, minor: 0 },
  max: { major: 1, minor: 29 },
};

/** Whether the request's microversion is 1.`minor` or newer. */
export function since(context: Record<string, unknown>, minor: number): boolean {
  return atLeast(context, 1, minor);
}

/** Clients read it before they have a token. */
export const listVersions = operation({
  id: 'ListVersions',
  dialect: 'placement',
  group: 'versions',
  method: 'GET',
  path: '',
  mode: 'sync',
  allow: 'anyone',
  responses: {
    200: Type.Object({
      versions: Type.Array(
        Type.Object({
          id: Type.String(),
          status: Type.String(),
          min_version: Type.String(),
          max_version: Type.String(),
          links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })),
        }),
      ),
    }),
  },
  errors: [],
  title: 'List API versions',
  summary: 'The one version of the placement API, with its microversions.',
  examples: [{ title: 'All', status: 200 }],
  handle() {
    const { min, max } = placementMicroversions;
    const [min_version, max_version] = [`${min.major}.${min.minor}`, `${max.major}.${max.minor}`];
    const links = [{ rel: 'self', href: '' }];
    return { body: { versions: [{ id: 'v1.0', status: 'CURRENT', min_version, max_version, links }] } };
  },
});
