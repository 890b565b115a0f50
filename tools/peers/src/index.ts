export {
  startDockerRegistry,
  type DockerRegistry,
  type DockerRegistryOptions,
  type TokenAuthentication,
} from './docker-registry.ts'
export { bareCommand, findPeer, peer, type Peer, type PeerName } from './peer.ts'
export { peersDirectory } from './peers-directory.ts'
export { processOutput, textOf, type ProcessOptions, type ProcessOutput } from './process-output.ts'
export { requirePeers } from './require-peers.ts'
export { writeCertificate, type ServerCertificate } from './server-certificate.ts'
export { testImage, type TestImageName } from './test-images.ts'
