import type { IncomingMessage, ServerResponse } from 'node:http'
import { basename, resolve } from 'node:path'

import { HttpError, type Log } from '@transload/contract'

import { accessControl } from './auth/access.ts'
import { catalogScope, repositoryScope, type Scope } from './auth/scope.ts'
import { answerBlob } from './endpoints/blob.ts'
import { sendEmpty, type Exchange } from './endpoints/exchange.ts'
import { answerCatalog, answerReferrers, answerTags } from './endpoints/listing.ts'
import { answerManifest } from './endpoints/manifest.ts'
import { answerSignatures } from './endpoints/signatures.ts'
import { continueUpload, startUpload } from './endpoints/upload.ts'
import { LayoutStore } from './layout-store.ts'
import type { RegistryOptions } from './options.ts'
import { refusal, refusalBody, refusalOf } from './refusal.ts'
import { Registry } from './registry.ts'
import { isRepositoryName } from './repository-name.ts'
import { decodedPath, discardBody, requestUrl } from './request.ts'
import { parseRoute, requireMethod, type Route } from './route.ts'
import { SignatureFiles } from './signature-files.ts'
import { UploadSessions } from './upload-sessions.ts'
import { WorkDirectory } from './work-directory.ts'

/** A registry as a listener for the `request` event of a `node:http` or `node:https` server. */
export interface RegistryHandler extends AsyncDisposable {
  (request: IncomingMessage, response: ServerResponse): void
}

/**
 * Serves the OCI distribution API 1.1 over an image layout. Makes nothing on disk before the first push. Dispose it
 * after the server has closed its connections: it waits for what is being answered. Throws CONFIG_INVALID for a faulty
 * htpasswd text.
 */
export function createRegistryHandler(options: RegistryOptions): RegistryHandler {
  const log = options.log ?? (() => {})
  const access = accessControl(options.auth)
  const store = new LayoutStore({
    directory: options.directory,
    defaultRepository: options.defaultRepository ?? directoryRepository(options.directory),
    log,
  })
  const registry = new Registry(store)
  const signatures = options.signatures ? new SignatureFiles(options.directory) : undefined
  const workDirectory = new WorkDirectory(options.directory)
  const cleaned = options.readOnly ? undefined : workDirectory.removeAbandoned()
  const uploads = new UploadSessions({
    workDirectory,
    expiryMs: options.uploadExpiryMs ?? 60 * 60_000,
    maxUploads: options.maxUploads ?? 1000,
  })
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedAt = performance.now()
    try {
      response.setHeader('docker-distribution-api-version', 'registry/2.0')
      if (signatures) response.setHeader('x-registry-supports-signatures', '1')
      const url = requestUrl(request)
      const route = parseRoute(decodedPath(url))
      const isOff = (route?.kind === 'token' && !access.tokens) || (route?.kind === 'signatures' && !signatures)
      if (!route || isOff) {
        throw refusal('UNSUPPORTED', 'there is no such endpoint', 404)
      }
      requireMethod(route, request.method ?? '')
      if (route.kind === 'token') {
        await access.tokens!(request, response, url)
        return
      }
      await access.require(request, response, neededScopes(route, request.method ?? ''))
      if (options.readOnly && !['GET', 'HEAD'].includes(request.method ?? '')) {
        throw refusal('UNSUPPORTED', 'this registry is read-only')
      }
      const allows = (scope: Scope): Promise<boolean> => access.allows(request, scope)
      await answerRoute({ request, response, url, registry, uploads, signatures, allows }, route)
    } catch (error) {
      fail(request, response, error, log)
    } finally {
      if (!request.complete) discardBody(request)
      log('debug', `${request.method} ${request.url?.split('?', 1)[0]} ${response.statusCode}`, {
        durationMs: Math.round(performance.now() - startedAt),
      })
    }
  }
  const answering = new Set<Promise<void>>()
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    const answered = answer(request, response)
      .catch((error: unknown) => {
        log('warn', `answering failed: ${(error as Error).message}`)
        response.destroy()
      })
      .finally(() => answering.delete(answered))
    answering.add(answered)
  }
  return Object.assign(handler, {
    async [Symbol.asyncDispose]() {
      await Promise.all([cleaned, ...answering])
      await uploads[Symbol.asyncDispose]()
      await workDirectory[Symbol.asyncDispose]()
    },
  })
}

async function answerRoute(exchange: Exchange, route: Exclude<Route, { kind: 'token' }>): Promise<void> {
  switch (route.kind) {
    case 'base':
      sendEmpty(exchange, 200)
      return
    case 'catalog':
      return await answerCatalog(exchange)
    case 'tags':
      return await answerTags(exchange, route.repository)
    case 'manifest':
      return await answerManifest(exchange, route.repository, route.reference)
    case 'blob':
      return await answerBlob(exchange, route.repository, route.digest)
    case 'uploads':
      return await startUpload(exchange, route.repository)
    case 'upload':
      return await continueUpload(exchange, route.repository, route.id)
    case 'referrers':
      return await answerReferrers(exchange, route.repository, route.digest)
    case 'signatures':
      return await answerSignatures(exchange, route.repository, route.digest)
  }
}

function neededScopes(route: Route, method: string): readonly Scope[] {
  if (route.kind === 'base' || route.kind === 'token') return []
  if (route.kind === 'catalog') return [catalogScope]
  const isUpload = route.kind === 'uploads' || route.kind === 'upload'
  if (method === 'DELETE' && !isUpload) return [repositoryScope(route.repository, ['delete'])]
  const isRead = !isUpload && (method === 'GET' || method === 'HEAD')
  return [repositoryScope(route.repository, isRead ? ['pull'] : ['pull', 'push'])]
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown, log: Log): void {
  if (!(error instanceof HttpError) && !response.destroyed) {
    log('warn', `${request.method} ${request.url?.split('?', 1)[0]}: ${(error as Error).message}`)
  }
  if (response.headersSent || response.destroyed) {
    // The length that was announced cannot be kept any more: the client has to see a broken answer.
    response.destroy()
    return
  }
  const told = refusalOf(error)
  const body = refusalBody(told)
  if (told.status !== 416) response.removeHeader('content-range')
  response.writeHead(told.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function directoryRepository(directory: string): string {
  const name = basename(resolve(directory)).toLowerCase()
  return isRepositoryName(name) ? name : 'image'
}
