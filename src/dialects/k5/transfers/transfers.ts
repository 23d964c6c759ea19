import type { Dialect } from '../../../api/dialect.ts';
import { openstackDialect } from '../../openstack/common/openstack-dialect.ts';
import { registerExpansionImage } from './expansion.ts';
import { exportOperations } from './exports.ts';
import { fail } from './failure.ts';
import { listImports, registerImage, showImport } from './imports.ts';
import { objectOperations } from './objects.ts';

const habits = { service: 'image', version: '1', unknownMembers: 'drop' } as const;

/** K5's import and export of images, and the containers of objects that they read and write. */
export const transferDialects: readonly Dialect[] = [
  {
    ...openstackDialect({
      ...habits,
      title: 'K5 (FJcloud-O): image import',
      mounts: ['/v1'],
      operations: [registerImage, registerExpansionImage, showImport, listImports, ...exportOperations],
    }),
    name: 'k5',
    fail,
  },
  {
    ...openstackDialect({
      ...habits,
      service: 'compute',
      title: 'K5 (FJcloud-O): containers of objects',
      mounts: ['/object-store/v1'],
      operations: objectOperations,
    }),
    name: 'k5',
  },
];
