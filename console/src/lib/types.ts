import type {
  ComputeShowFlavor,
  ComputeShowServer,
  ImageListImageMembers,
  ImageShowImage,
  NativeListActivities,
  NativeListDeletedImages,
  NativeListImageCopies,
  NativeListMigrationTargets,
  NativeShowActivity,
  NativeShowActivitySpan,
  NativeShowOverview,
  NetworkShowNetwork,
  NetworkShowPort,
  NetworkShowRouter,
  NetworkShowSecurityGroup,
  NetworkShowSubnet,
  PlacementListInventories,
  VolumeShowSnapshot,
  VolumeShowVolume,
} from '../api/answers.ts';

// The names by which the console knows what the APIs answer. What is in them, the OpenAPI documents say.

/** Members that an answer may lack by its schema (which holds for all microversions), and never lacks as it is asked for. */
type Having<Shape, Members extends keyof Shape> = Shape & Required<Pick<Shape, Members>>;

export type Activity = NativeListActivities['activities'][number];
export type ActivityDetail = NativeShowActivity['activity'];
export type Span = NativeShowActivitySpan;
export type Overview = NativeShowOverview;
export type ImageCopy = NativeListImageCopies['copies'][number];
export type DeletedImage = NativeListDeletedImages['images'][number];
export type MigrationTarget = NativeListMigrationTargets['targets'][number];

export type Server = Having<
  ComputeShowServer['server'],
  'OS-EXT-STS:task_state' | 'OS-EXT-STS:vm_state' | 'description' | 'key_name'
>;
export type Flavor = ComputeShowFlavor['flavor'];
/** Properties that users gave it stand among its own. */
export type Image = ImageShowImage;
export type ImageMember = ImageListImageMembers['members'][number];
export type Inventory = PlacementListInventories['inventories'][string];
export type Snapshot = VolumeShowSnapshot['snapshot'];
export type Volume = VolumeShowVolume['volume'];

// Neutron leaves out what `?fields=` does not name; the console names nothing, and gets all.
export type Network = Required<NetworkShowNetwork['network']>;
export type Subnet = Required<NetworkShowSubnet['subnet']>;
export type Port = Required<NetworkShowPort['port']>;
export type Router = Required<NetworkShowRouter['router']>;
export type SecurityGroup = Required<NetworkShowSecurityGroup['security_group']>;
