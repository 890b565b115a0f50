import { isRepositoryName } from '../repository-name.ts'

export type Action = 'pull' | 'push' | 'delete'

/** One thing a request needs or a token grants: actions on a repository, or the catalog. */
export type Scope =
  | { readonly type: 'repository'; readonly name: string; readonly actions: readonly Action[] }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] }

export const catalogScope: Scope = { type: 'registry', name: 'catalog', actions: ['*'] }

export function repositoryScope(name: string, actions: readonly Action[]): Scope {
  return { type: 'repository', name, actions }
}

/** `repository:team/app:pull,push`, as challenges and token requests write it. */
export function scopeText(scope: Scope): string {
  return `${scope.type}:${scope.name}:${scope.actions.join(',')}`
}

/** The scopes of a token request's `scope` values, each possibly several with spaces between. What is unknown is left out. */
export function parseScopes(values: readonly string[]): Scope[] {
  return values
    .flatMap((value) => value.split(' '))
    .slice(0, 64)
    .flatMap((text) => {
      const [type, name = '', actions = '', ...more] = text.split(':')
      if (more.length > 0) return []
      if (type === 'registry' && name === 'catalog') return [catalogScope]
      if (type !== 'repository' || !isRepositoryName(name)) return []
      return [
        repositoryScope(
          name,
          actions === '*' ? allActions : allActions.filter((one) => actions.split(',').includes(one)),
        ),
      ]
    })
}

/** Whether `granted` holds everything `wanted` asks. */
export function covers(granted: readonly Scope[], wanted: Scope): boolean {
  return wanted.actions.every((action) =>
    granted.some(
      ({ type, name, actions }) =>
        type === wanted.type && name === wanted.name && (actions as readonly string[]).includes(action),
    ),
  )
}

const allActions: readonly Action[] = ['pull', 'push', 'delete']
