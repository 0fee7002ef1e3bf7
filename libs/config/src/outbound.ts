import { BlockList, isIP } from 'node:net';

const PRIVATE: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
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

  const allowsAddress = (address: string): boolean => {
    const bare = unwrapped(address);
    const family = isIP(bare) === 6 ? 'ipv6' : 'ipv4';
    return dev || !closed.check(bare, family) || open.check(bare, family);
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

/** An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4), as itself: that is whom it reaches. */
function unwrapped(address: string): string {
  const dotted = /^(?:::ffff:|::|64:ff9b::)(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (dotted) return dotted[1]!;
  const hex =
    /^(?:::ffff:|::|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? /^2002:([0-9a-f]{1,4}):([0-9a-f]{1,4}):/i.exec(address);
  if (!hex) return address;
  const [high, low] = [parseInt(hex[1]!, 16), parseInt(hex[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
