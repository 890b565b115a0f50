import { toBytes } from '../go-template/byte-text.ts'
import { goTime } from '../go-template/time.ts'
import {
  goBool,
  goInt,
  goMap,
  goSlice,
  goString,
  int64Type,
  pointerType,
  sliceType,
  stringsType,
  stringType,
  zeroValue,
  type GoType,
  type GoValue,
} from '../go-template/value.ts'
import type { ImageConfig } from '../image-config.ts'
import type { Inspection } from '../inspection.ts'
import {
  containerConfigType,
  digestType,
  historyType,
  imageConfigType,
  inspectionType,
  labelsType,
  layerType,
  platformType,
  rootfsType,
  setType,
  timePointerType,
} from './image-types.ts'

/** What templates see of what `inspect` shows. */
export function inspectionValue(inspection: Inspection): GoValue {
  return struct(inspectionType, {
    Name: text(inspection.Name),
    Digest: text(inspection.Digest, digestType),
    Tag: text(inspection.Tag),
    RepoTags: texts(inspection.RepoTags),
    Created: time(inspection.Created),
    DockerVersion: text(inspection.DockerVersion),
    Labels: labels(inspection.Labels),
    Architecture: text(inspection.Architecture),
    Os: text(inspection.Os),
    Layers: texts(inspection.Layers),
    LayersData: goSlice(inspection.LayersData.map(layer), sliceType(layerType)),
    Env: texts(inspection.Env),
  })
}

/** What templates see with `--config`: a pointer. */
export function imageConfigValue(image: ImageConfig): GoValue {
  const { config, rootfs } = image
  const target = struct(imageConfigType, {
    Created: time(image.created),
    Author: text(image.author),
    Platform: struct(platformType, {
      Architecture: text(image.architecture),
      OS: text(image.os),
      OSVersion: text(image['os.version']),
      OSFeatures: texts(image['os.features']),
      Variant: text(image.variant),
    }),
    Config: struct(containerConfigType, {
      User: text(config.User),
      ExposedPorts: set(config.ExposedPorts),
      Env: texts(config.Env),
      Entrypoint: texts(config.Entrypoint),
      Cmd: texts(config.Cmd),
      Volumes: set(config.Volumes),
      WorkingDir: text(config.WorkingDir),
      Labels: labels(config.Labels),
      StopSignal: text(config.StopSignal),
      ArgsEscaped: goBool(config.ArgsEscaped ?? false),
    }),
    RootFS: struct(rootfsType, {
      Type: text(rootfs.type),
      DiffIDs: texts(rootfs.diff_ids, digestType),
    }),
    History: goSlice(image.history?.map(historyEntry), sliceType(historyType)),
  })
  return { kind: 'pointer', type: pointerType(imageConfigType), target }
}

function layer({ MIMEType, Digest, Size, Annotations }: Inspection['LayersData'][number]): GoValue {
  return struct(layerType, {
    MIMEType: text(MIMEType),
    Digest: text(Digest, digestType),
    Size: goInt(Size, int64Type),
    Annotations: labels(Annotations),
  })
}

function historyEntry(entry: NonNullable<ImageConfig['history']>[number]): GoValue {
  return struct(historyType, {
    Created: time(entry.created),
    CreatedBy: text(entry.created_by),
    Author: text(entry.author),
    Comment: text(entry.comment),
    EmptyLayer: goBool(entry.empty_layer ?? false),
  })
}

/** Members that are not named are empty. */
function struct(type: GoType, members: Readonly<Record<string, GoValue>>): GoValue {
  const fields = type.fields ?? []
  return { kind: 'struct', type, members: fields.map(({ name, type: of }) => members[name] ?? zeroValue(of)) }
}

function text(value = '', type = stringType): GoValue {
  return goString(toBytes(value), type)
}

function texts(values: readonly string[] | null | undefined, element = stringType): GoValue {
  const type = element === stringType ? stringsType : sliceType(element)
  return goSlice(
    values?.map((value) => text(value, element)),
    type,
  )
}

function labels(entries: Readonly<Record<string, string>> | null | undefined): GoValue {
  const values = entries && Object.entries(entries).map(([key, value]) => [toBytes(key), text(value)] as const)
  return goMap(values ?? undefined, labelsType)
}

function set(entries: Readonly<Record<string, object>> | undefined): GoValue {
  const members = entries && Object.keys(entries).map((key) => [toBytes(key), zeroValue(setType.element!)] as const)
  return goMap(members, setType)
}

function time(value: string | null | undefined): GoValue {
  return { kind: 'pointer', type: timePointerType, target: value ? goTime(value) : undefined }
}
