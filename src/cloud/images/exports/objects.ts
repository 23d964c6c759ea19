/** Names of objects in containers, as those need them who ask for imports and exports. */
export { type ObjectName, objectUrlOf, parseObjectUrl } from '../../../image-sources/object-folder.ts';
