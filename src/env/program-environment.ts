/**
 * What a program that this one starts gets of the environment: where programs are, and a locale that has every character.
 * Nothing else that the caller's shell has changes what programs do and print (`CEPH_ARGS`, `PYTHONUNBUFFERED`, `XZ_OPT`).
 */
export function programEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const { PATH, HOME } = process.env;
  // Debian keeps some programs (mkswap, mkfs) where only an administrator's shell looks.
  const own = { PATH: PATH && `${PATH}:/usr/sbin:/sbin`, HOME, LANG: 'C.UTF-8', ...more };
  return Object.fromEntries(Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
