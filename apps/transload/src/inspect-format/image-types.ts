import { timeType } from '../go-template/time.ts'
import {
  boolType,
  emptyStructType,
  errorType,
  goBool,
  goInt,
  goString,
  int64Type,
  mapType,
  pointerType,
  sliceType,
  stringsType,
  stringType,
  zeroValue,
  type GoField,
  type GoMethod,
  type GoType,
  type GoValue,
} from '../go-template/value.ts'

const digestSizes = new Map([
  ['sha256', 32],
  ['sha384', 48],
  ['sha512', 64],
])

const algorithmType: GoType = {
  name: 'digest.Algorithm',
  kind: 'string',
  toText: textOf,
  methods: new Map([
    ['Available', method((algorithm) => goBool(digestSizes.has(algorithm)))],
    ['Size', method((algorithm) => goInt(digestSizes.get(algorithm) ?? 0))],
    ['String', method((algorithm) => goString(algorithm))],
  ]),
}

export const digestType: GoType = {
  name: 'digest.Digest',
  kind: 'string',
  toText: textOf,
  methods: new Map([
    ['Algorithm', method((digest) => goString(beforeColon(digest), algorithmType))],
    ['Encoded', method((digest) => goString(afterColon(digest)))],
    ['Hex', method((digest) => goString(afterColon(digest)))],
    ['String', method((digest) => goString(digest))],
    // What is no digest does not get here.
    ['Validate', method(() => zeroValue(errorType))],
  ]),
}

export const labelsType = mapType(stringType)
export const setType = mapType(emptyStructType)
export const timePointerType = pointerType(timeType)

export const layerType = structType('types.ImageInspectLayer', [
  shown('MIMEType', stringType),
  shown('Digest', digestType),
  shown('Size', int64Type),
  shown('Annotations', labelsType),
])

/** What `inspect` shows: inspection.ts. */
export const inspectionType = structType('inspect.Output', [
  optional('Name', stringType),
  optional('Tag', stringType),
  shown('Digest', digestType),
  shown('RepoTags', stringsType),
  shown('Created', timePointerType),
  shown('DockerVersion', stringType),
  shown('Labels', labelsType),
  shown('Architecture', stringType),
  shown('Os', stringType),
  shown('Layers', stringsType),
  optional('LayersData', sliceType(layerType)),
  shown('Env', stringsType),
])

export const platformType = structType('v1.Platform', [
  shown('Architecture', stringType, 'architecture'),
  shown('OS', stringType, 'os'),
  optional('OSVersion', stringType, 'os.version'),
  optional('OSFeatures', stringsType, 'os.features'),
  optional('Variant', stringType, 'variant'),
])

export const containerConfigType = structType('v1.ImageConfig', [
  optional('User', stringType),
  optional('ExposedPorts', setType),
  optional('Env', stringsType),
  optional('Entrypoint', stringsType),
  optional('Cmd', stringsType),
  optional('Volumes', setType),
  optional('WorkingDir', stringType),
  optional('Labels', labelsType),
  optional('StopSignal', stringType),
  optional('ArgsEscaped', boolType),
])

export const rootfsType = structType('v1.RootFS', [
  shown('Type', stringType, 'type'),
  shown('DiffIDs', sliceType(digestType), 'diff_ids'),
])

export const historyType = structType('v1.History', [
  optional('Created', timePointerType, 'created'),
  optional('CreatedBy', stringType, 'created_by'),
  optional('Author', stringType, 'author'),
  optional('Comment', stringType, 'comment'),
  optional('EmptyLayer', boolType, 'empty_layer'),
])

/** The OCI config, as `inspect --config` shows it. */
export const imageConfigType = structType('v1.Image', [
  optional('Created', timePointerType, 'created'),
  optional('Author', stringType, 'author'),
  { name: 'Platform', type: platformType, jsonName: undefined, omitsEmpty: false },
  shown('Config', containerConfigType, 'config'),
  shown('RootFS', rootfsType, 'rootfs'),
  optional('History', sliceType(historyType), 'history'),
])

function structType(name: string, fields: readonly GoField[]): GoType {
  return { name, kind: 'struct', fields }
}

function shown(name: string, type: GoType, jsonName = name): GoField {
  return { name, type, jsonName, omitsEmpty: false }
}

/** Not in JSON if it is empty. */
function optional(name: string, type: GoType, jsonName = name): GoField {
  return { name, type, jsonName, omitsEmpty: true }
}

function method(read: (text: string) => GoValue): GoMethod {
  return { parameters: [], call: (receiver) => read(textOf(receiver)) }
}

function beforeColon(text: string): string {
  return text.split(':')[0] ?? ''
}

function afterColon(text: string): string {
  return text.split(':')[1] ?? ''
}

function textOf(value: GoValue): string {
  return value.kind === 'string' ? value.value : ''
}
