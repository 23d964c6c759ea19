/** The engine's resource types and the class names under which this dialect's clients know them. */
const classNames: Record<string, string> = {
  server: 'VmInstanceVO',
  image: 'ImageVO',
  volume: 'VolumeVO',
  network: 'L3NetworkVO',
  port: 'VmNicVO',
  zone: 'ZoneVO',
  cluster: 'ClusterVO',
  host: 'HostVO',
  flavor: 'InstanceOfferingVO',
  image_store: 'BackupStorageVO',
  project: 'AccountVO',
  keypair: 'SshKeyPairVO',
  server_group: 'AffinityGroupVO',
  security_group: 'SecurityGroupVO',
  floating_ip: 'VipVO',
  eip: 'EipVO',
  port_forwarding_rule: 'PortForwardingRuleVO',
  load_balancer: 'LoadBalancerVO',
  load_balancer_listener: 'LoadBalancerListenerVO',
  load_balancer_pool: 'LoadBalancerServerGroupVO',
  certificate: 'CertificateVO',
  cdrom: 'VmCdRomVO',
  volume_snapshot: 'VolumeSnapshotVO',
  subnet: 'IpRangeVO',
  l2_network: 'L2NetworkVO',
  disk_offering: 'DiskOfferingVO',
  job: 'LongJobVO',
  schedule_job: 'SchedulerJobVO',
  schedule_trigger: 'SchedulerTriggerVO',
  schedule_group: 'SchedulerJobGroupVO',
  tag: 'TagVO',
  tag_pattern: 'TagPatternVO',
  account_user: 'UserVO',
  account_group: 'UserGroupVO',
  account_policy: 'PolicyVO',
  access_key: 'AccessKeyVO',
};

/** `image` → `ImageVO`; types that the dialect does not know stay as they are. */
export function classNameOf(resourceType: string): string {
  return classNames[resourceType] ?? resourceType;
}

/** `ImageVO` → `image`, or undefined. */
export function resourceTypeOf(className: string): string | undefined {
  return Object.keys(classNames).find((type) => classNames[type] === className);
}

export const resourceClassNames: Readonly<Record<string, string>> = classNames;
