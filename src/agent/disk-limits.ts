/** A rate that a guest may use a disk at, and what it may do above it for a while. */
export interface DiskRate {
  /** Bytes or requests a second, 1 … 10^15. */
  rate: number;
  /** As `rate`, for as long as `burstSeconds` (default: one) at a time; never below `rate`. */
  burst?: number;
  burstSeconds?: number;
}

/**
 * How fast a guest may use a disk; what is absent is not limited. `total` goes with neither reads nor writes of the
 * same kind, as in QEMU and libvirt's `iotune`.
 */
export interface DiskLimits {
  totalBytes?: DiskRate;
  readBytes?: DiskRate;
  writeBytes?: DiskRate;
  totalRequests?: DiskRate;
  readRequests?: DiskRate;
  writeRequests?: DiskRate;
  /** A request larger than so many bytes counts as several. */
  requestBytes?: number;
}
