import semver from 'semver';

/** Whether a range of schema versions can be read: `1`, `>=2`, `1.x || 3`. */
export const isVersionRange = (range: string): boolean => semver.validRange(range) !== null;

/**
 * Which schema versions a range means: `1` is every 1.x, `>=2` all from 2. A version may be short (`2`, `v2.1`). Null takes every
 * event, one without a version included; a range takes none without.
 */
export function versionMatcher(range: string | null): (version: string | null) => boolean {
  if (range === null) return () => true;
  const meant = new semver.Range(range);
  return (version) => {
    if (version === null || version.length > 64) return false;
    const exact = semver.valid(version) ?? semver.coerce(version)?.version ?? null;
    return exact !== null && meant.test(exact);
  };
}
