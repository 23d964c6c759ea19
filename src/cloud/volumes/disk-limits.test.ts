import { expect, test } from 'vitest';
import { limitsFrom, limitsOfFlavor, specsForSize, wordsOf } from './disk-limits.ts';

const gib = 2 ** 30;

test("the words of libvirt's iotune are understood, with their bursts", () => {
  expect(
    limitsFrom({
      ...{ read_bytes_sec: '1000', read_bytes_sec_max: '2000', read_bytes_sec_max_length: '10' },
      ...{ write_iops_sec: ' 50 ', size_iops_sec: '4096', colour: 'blue' },
    }),
  ).toEqual({
    readBytes: { rate: 1000, burst: 2000, burstSeconds: 10 },
    writeRequests: { rate: 50 },
    requestBytes: 4096,
  });
  const limits = { readBytes: { rate: 9, burst: 20, burstSeconds: 3 }, totalRequests: { rate: 5 }, requestBytes: 4096 };
  expect(limitsFrom(wordsOf(limits))).toEqual(limits);
  expect(limitsOfFlavor({ 'quota:disk_total_iops_sec': '10', 'hw:cpu_policy': 'shared' })).toEqual({
    totalRequests: { rate: 10 },
  });
});

test('what QEMU would refuse is left out', () => {
  expect(limitsFrom({ total_iops_sec: '10', read_iops_sec: '5', write_bytes_sec: '7' })).toEqual({
    totalRequests: { rate: 10 },
    writeBytes: { rate: 7 },
  });
  expect(limitsFrom({ total_iops_sec: '10', total_iops_sec_max: '5' })).toEqual({ totalRequests: { rate: 10 } });
  const burst = { total_bytes_sec: '10', total_bytes_sec_max: '999999999999999', total_bytes_sec_max_length: '9' };
  expect(limitsFrom(burst)).toEqual({ totalBytes: { rate: 10, burst: 999_999_999_999_999 } });
  for (const bad of ['', '-1', '0', '1.5', 'many', '9'.repeat(17)])
    expect(limitsFrom({ total_iops_sec: bad })).toBe(undefined);
  expect(limitsFrom({ total_iops_sec_max: '5', size_iops_sec: '4096' })).toBe(undefined);
});

test('what is said per GiB grows with the volume', () => {
  const specs = { read_iops_sec_per_gb: '10', read_iops_sec_per_gb_min: '25', total_bytes_sec: '5' };
  expect(limitsFrom(specsForSize(specs, gib))).toEqual({ readRequests: { rate: 25 }, totalBytes: { rate: 5 } });
  expect(limitsFrom(specsForSize(specs, 3.5 * gib))).toEqual({ readRequests: { rate: 40 }, totalBytes: { rate: 5 } });
});
