import type { DesiredPort } from '../../contract.ts';
import type { NetworkCommands } from './commands.ts';
import { tapNames } from './names.ts';

/** The device through which goes what a guest sends, where that is limited: Linux shapes only what leaves a device. */
export const limiterName = (portId: string): string => `ifb${portId.slice(0, 11)}`;

/** A burst lets the largest packet through, and what comes in twenty milliseconds. */
const leastBurst = 16_384;
const burstSeconds = 0.02;

/** Limits what guests send and take, by a token bucket for each direction. */
export class BandwidthLimits {
  readonly #commands: NetworkCommands;
  /** By tap: what was last applied. */
  readonly #applied = new Map<string, string>();

  constructor(commands: NetworkCommands) {
    this.#commands = commands;
  }

  /** Applies everything anew the next time. */
  forget(): void {
    this.#applied.clear();
  }

  /** Makes the limits so. The taps and the limiters exist; those of guests that are not named are gone. */
  async apply(namespace: string, ports: readonly DesiredPort[], isFirst: boolean): Promise<void> {
    const lines: string[] = [];
    const taps = ports.flatMap((port) => tapNames(port).map((tap) => ({ tap, ...port })));
    for (const { tap, portId, bandwidth = {} } of taps) {
      const text = JSON.stringify(bandwidth);
      const before = this.#applied.get(tap) ?? (isFirst ? '' : '{}');
      if (before === text) continue;
      lines.push(...ingressLines(tap, bandwidth.ingress), ...egressLines(tap, limiterName(portId), bandwidth.egress));
      this.#applied.set(tap, text);
    }
    const names = new Set(taps.map(({ tap }) => tap));
    for (const tap of this.#applied.keys()) if (!names.has(tap)) this.#applied.delete(tap);
    await this.#commands.tc(namespace, lines);
  }
}

function ingressLines(tap: string, rate: number | undefined): string[] {
  return rate === undefined ? [`qdisc del dev ${tap} root`] : [bucket(tap, rate)];
}

function egressLines(tap: string, limiter: string, rate: number | undefined): string[] {
  const gone = `qdisc del dev ${tap} ingress`;
  if (rate === undefined) return [gone];
  const all = `filter add dev ${tap} parent ffff: protocol all prio 1 u32 match u32 0 0`;
  return [
    gone,
    bucket(limiter, rate),
    `qdisc add dev ${tap} ingress`,
    `${all} action mirred egress redirect dev ${limiter}`,
  ];
}

function bucket(device: string, rate: number): string {
  const burst = Math.max(leastBurst, Math.ceil((rate / 8) * burstSeconds));
  return `qdisc replace dev ${device} root tbf rate ${rate}bit burst ${burst} latency 100ms`;
}
