import { expect, test } from 'vitest';
import { throttleArguments } from './disk-throttle.ts';

test('what is not limited is zero, and a burst is said only where there is one', () => {
  const none = { bps: 0, bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
  const disk = { diskId: 'd', volumeId: 'v', bus: 'sata' as const };
  expect(throttleArguments(disk)).toEqual({ id: 'device-vol-v', ...none });
  const virtio = throttleArguments({ ...disk, bus: 'virtio' });
  expect(virtio).toEqual({ id: '/machine/peripheral/device-vol-v/virtio-backend', ...none });
  const limits = {
    totalBytes: { rate: 1000 },
    readRequests: { rate: 10, burst: 20, burstSeconds: 3 },
    requestBytes: 4096,
  };
  expect(throttleArguments({ ...disk, limits })).toEqual({
    ...{ id: 'device-vol-v', ...none, bps: 1000, iops_rd: 10, iops_rd_max: 20, iops_rd_max_length: 3 },
    iops_size: 4096,
  });
});
