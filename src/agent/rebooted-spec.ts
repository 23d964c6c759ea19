import type { GuestReboot, GuestSpec } from './contract.ts';

/** What a guest is to be after a reboot. */
export function rebootedSpec(
  { screenPassword: _, ...spec }: GuestSpec,
  { screenPassword }: Pick<GuestReboot, 'screenPassword'>,
): GuestSpec {
  return screenPassword === undefined ? spec : { ...spec, screenPassword };
}
