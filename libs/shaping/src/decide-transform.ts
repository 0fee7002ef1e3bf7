import type { TransformScript } from './transform.port.js';

/** One entry of a route's transforms. `run` null: the body goes as it came. */
export type TransformRule = Readonly<{
  fitsType(type: string): boolean;
  fitsVersion(version: string | null): boolean;
  run: TransformScript | null;
}>;
/** The routes that lead to one destination, in the order of the configuration. */
export type ShapingRoute = Readonly<{ from: ReadonlySet<string>; matches(type: string): boolean; transforms: readonly TransformRule[] }>;

export type ShapeChoice =
  | Readonly<{ kind: 'as-it-came' }>
  | Readonly<{ kind: 'transform'; script: TransformScript }>
  | Readonly<{ kind: 'refused'; code: 'schema-unsupported' | 'route-gone'; error: string }>;

const AS_IT_CAME: ShapeChoice = { kind: 'as-it-came' };

/**
 * Decides which transform makes the body. Pure. The route is the first that fits, as for dedupe, which sent the event here by it;
 * within the route the first transform that fits. A route whose transforms all do not fit refuses: a partner that expects one
 * shape must not get another.
 */
export function decideTransform(
  routes: readonly ShapingRoute[],
  { source, type, schemaversion }: Readonly<{ source: string; type: string; schemaversion: string | null }>,
): ShapeChoice {
  const route = routes.find(({ from, matches }) => from.has(source) && matches(type));
  if (!route) return { kind: 'refused', code: 'route-gone', error: `no route takes ${type} from ${source} here any more` };
  if (route.transforms.length === 0) return AS_IT_CAME;
  const rule = route.transforms.find(({ fitsType, fitsVersion }) => fitsType(type) && fitsVersion(schemaversion));
  if (!rule) {
    const version = schemaversion === null ? 'without a schema version' : `of schema version ${schemaversion}`;
    return { kind: 'refused', code: 'schema-unsupported', error: `no transform of the route is for ${type} ${version}` };
  }
  return rule.run === null ? AS_IT_CAME : { kind: 'transform', script: rule.run };
}
