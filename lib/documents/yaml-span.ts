import { isMap, isSeq, type CST, type Node } from 'yaml'
import { valueOf, type Container, type Member } from './yaml-place.ts'

/** Where a member stands in the text, in UTF-16 units from its beginning. */
export interface Span {
  /** Of its key, its dash, or in a list in flow style its value. */
  readonly from: number
  /** Behind the colon or the dash; null where there is none. */
  readonly behind: number | null
  /** Of the value, with its tag and anchor; where it would be when there is none. */
  readonly value: number
  readonly end: number
}

type Item = CST.CollectionItem

/** The span of a member; null when it is written in a way that is not edited here (`? key`, several on one line). */
export function spanOf(member: Member): Span | null {
  const item = itemsOf(member.parent)[member.at]
  if (item === undefined) return null
  const from = first(item)
  if (from === null) return null
  const mark = isMap(member.parent) ? item.sep : isFlow(member.parent) ? undefined : item.start
  const sign = mark?.find(({ type }) => type === 'map-value-ind' || type === 'seq-item-ind')
  const behind = sign === undefined ? null : sign.offset + sign.source.length
  const node = valueOf(member)
  const props = (isMap(member.parent) ? item.sep : item.start)?.find(({ type }) => type === 'tag' || type === 'anchor')
  const value = props?.offset ?? item.value?.offset ?? behind ?? endOf(node, from)
  return {
    from,
    behind,
    value,
    end: item.value === undefined || item.value === null ? (behind ?? endOf(item.key ? keyNode(member) : null, from)) : endOf(node, value),
  }
}

/** Where the last thing of a node ends that is no comment or blank. */
export function endOf(node: Node | null, otherwise: number): number {
  if (node === null || node.range === null || node.range === undefined) return otherwise
  if ((!isMap(node) && !isSeq(node)) || isFlow(node as Container)) return node.range[1]
  const at = node.items.length - 1
  return at < 0 ? node.range[1] : (spanOf({ parent: node as Container, at })?.end ?? node.range[1])
}

/** Whether the container is written in brackets. */
export function isFlow(container: Container): boolean {
  return container.flow === true
}

/** The column of a block container's keys or dashes. */
export function columnOf(container: Container): number {
  return (container.srcToken as CST.BlockMap | undefined)?.indent ?? 0
}

function itemsOf(container: Container): readonly Item[] {
  return (container.srcToken as CST.BlockMap | CST.FlowCollection | undefined)?.items ?? []
}

/** An explicit key (`? a`) has its sign in front, where a simple one may have an anchor. */
function first(item: Item): number | null {
  const tokens = item.start.filter(({ type }) => type !== 'space' && type !== 'newline' && type !== 'comment' && type !== 'comma')
  if (tokens.some(({ type }) => type === 'explicit-key-ind')) return null
  return tokens[0]?.offset ?? item.key?.offset ?? item.value?.offset ?? null
}

function keyNode({ parent, at }: Member): Node | null {
  return isMap(parent) ? (parent.items[at]?.key ?? null) : null
}
