import { BlockList, isIP } from 'node:net';

const PRIVATE: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2001::', 32, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

/** Whom a destination may call. Everything public may be called; what is private only in `dev` or when it is allowed by name or network. */
export type OutboundGuard = Readonly<{
  allowsHost(host: string): boolean;
  allowsAddress(address: string): boolean;
  /** Allowed by its name: its addresses are not asked for. */
  isNamed(host: string): boolean;
}>;

export function outboundGuard({ dev, allow }: Readonly<{ dev: boolean; allow: readonly string[] }>): OutboundGuard {
  const closed = new BlockList();
  for (const [network, bits, family] of PRIVATE) closed.addSubnet(network, bits, family);
  const open = new BlockList();
  const names = new Set<string>();
  for (const entry of allow) if (!addNetwork(open, entry)) names.add(entry.toLowerCase());

  const isAllowed = (address: string, family: 'ipv4' | 'ipv6'): boolean => !closed.check(address, family) || open.check(address, family);
  const allowsAddress = (address: string): boolean => {
    if (isIP(address) === 0) return dev;
    return dev || reachedBy(address).every((one) => isAllowed(one, isIP(one) === 6 ? 'ipv6' : 'ipv4'));
  };
  const bareOf = (host: string): string =>
    host
      .replace(/^\[|\]$/g, '')
      .replace(/\.$/, '')
      .toLowerCase();
  return {
    allowsAddress,
    isNamed: (host) => dev || names.has(bareOf(host)),
    allowsHost: (host) => {
      const bare = bareOf(host);
      if (dev || names.has(bare)) return true;
      return isIP(bare) ? allowsAddress(bare) : bare !== 'localhost' && !bare.endsWith('.localhost');
    },
  };
}

/** What may stand in outbound.allow. */
export function isAllowEntry(entry: string): boolean {
  return (
    addNetwork(new BlockList(), entry) ||
    /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/.test(entry)
  );
}

function addNetwork(list: BlockList, entry: string): boolean {
  const [address, bits, ...more] = entry.split('/');
  const version = isIP(address!);
  if (version === 0 || more.length > 0) return false;
  const widest = version === 6 ? 128 : 32;
  const prefix = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (prefix < 0 || prefix > widest) return false;
  list.addSubnet(address!, prefix, version === 6 ? 'ipv6' : 'ipv4');
  return true;
}

/** Whom an address reaches: an IPv4 address inside an IPv6 one, as itself. Written in any way: what counts is the eight groups. */
function reachedBy(address: string): string[] {
  const bare = address.replace(/%.*$/, '');
  const groups = isIP(bare) === 6 ? groupsOf(bare) : null;
  if (!groups) return [bare];
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number];
  const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const isZero = (...some: number[]): boolean => some.every((group) => group === 0);
  // Mapped (::ffff:0:0/96), translated (::ffff:0:0:0/96), compatible (::/96); NAT64 (64:ff9b::/96) and 6to4 (2002::/16).
  if (isZero(a, b, c, d, e) && f === 0xffff) return [dotted(g, h)];
  if (isZero(a, b, c, d, f) && e === 0xffff) return [dotted(g, h)];
  if (isZero(a, b, c, d, e, f) && !(g === 0 && h <= 1)) return [dotted(g, h)];
  if (a === 0x64 && b === 0xff9b && isZero(c, d, e, f)) return [dotted(g, h)];
  if (a === 0x2002) return [dotted(b, c)];
  // ISATAP, under any prefix: …:0:5efe:a.b.c.d. Its prefix is judged as well.
  return (e & 0xfdff) === 0 && f === 0x5efe ? [bare, dotted(g, h)] : [bare];
}

/** The eight groups of an IPv6 address; the URL parser knows every way of writing one. */
function groupsOf(address: string): number[] | null {
  if (!URL.canParse(`http://[${address}]`)) return null;
  const [left, right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::') as [string, string | undefined];
  const numbers = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const [head, tail] = [numbers(left), numbers(right ?? '')];
  return right === undefined ? head : [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
