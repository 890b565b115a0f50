import { referenceText } from '@transload/contract'
import { openImage } from '@transload/core'

import type { GroupValues } from '../arguments/flag.ts'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { openOptions, wantedPlatform } from '../open-options.ts'
import {
  authFileFlags,
  imageAccessFlags,
  resolveImageAccess,
  localPlaceFlags,
} from '../options/image-access-options.ts'
import { retryFlags } from '../options/retry-options.ts'
import { loadVerification, verificationFlags } from '../options/verification-options.ts'
import { print, printJson } from '../output.ts'
import { prefixError } from '../prefix-error.ts'
import { withRetries } from '../retry.ts'
import { openSide } from '../side.ts'
import { verifyImage } from '../verify-image.ts'

const flags = {
  verification: verificationFlags,
  access: { ...imageAccessFlags(''), ...authFileFlags, ...localPlaceFlags('') },
  retry: retryFlags,
}

export const verify = defineCommand({
  name: 'verify',
  description: `Verify that "IMAGE-NAME" is signed, and print the digest that is

By whom, the flags say, or else the trust policy (--policy), which then has to ask for a signature. No layer is read.
The digest printed is that of the image or list; of a list without a signature, that of its image for this platform
(--override-os, --override-arch), if that is signed. With a flag, an OpenPGP signature has to be for the name of the
image, a sigstore one for its repository or for no name; where images have no names, any name will do.
--signed-identity says another name. Nothing is printed, and the exit code is not 0, unless a signature proves the
digest.`,
  operands: 'IMAGE-NAME',
  examples: [
    'verify --policy policy.json docker://registry.example.com/app:v1',
    'verify --key cosign.pub docker://registry.example.com/app:v1',
    'verify --certificate-identity jo@example.com --certificate-oidc-issuer https://accounts.example.com \\\n' +
      '    --certificate-authority fulcio.pem --rekor-key rekor.pub docker://registry.example.com/app:v1',
  ],
  flags,
  positionals: { least: 1, problem: 'Exactly one argument expected', showsHelp: true, completes: 'image' },
  run: runVerify,
})

async function runVerify(
  { verification, access, retry }: GroupValues<typeof flags>,
  [name = '']: readonly string[],
  context: CommandContext,
): Promise<void> {
  const { globals, stdout } = context
  const { policyFor, readsAttachments } = await loadVerification(verification, context)
  await using side = await openSide(resolveImageAccess(access, globals), context, { retry, readsAttachments })
  const located = await side.locate(name).catch((error: unknown) => {
    throw prefixError(`Invalid source name ${name}`, error)
  })
  const attempt = async () => {
    await using image = await openImage(located, {
      ...openOptions(context),
      platform: await wantedPlatform(context),
    })
    return await verifyImage(image, policyFor(side.plugins, image.reference))
  }
  const { manifest, proofs } = await withRetries(attempt, retry, context)
  const { digest, mediaType } = manifest
  if (!globals.json) return await print(stdout, `${digest}\n`)
  await printJson(stdout, { image: referenceText(located.reference), digest, mediaType, proofs })
}
