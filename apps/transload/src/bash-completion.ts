/**
 * What makes bash 4.4 complete `transload`. Typed words are passed on and never evaluated; it needs no package beside
 * bash, whose own completion of files is what remains when there are no candidates.
 */
export const bashCompletion = `# bash completion for transload
_transload() {
    local text=\${COMP_LINE:0:COMP_POINT} directive=0 line current prefix
    local -a words
    read -ra words <<<"$text"
    if [[ $text == *[[:space:]] ]]; then words+=(''); fi
    current=\${words[-1]}
    # For bash a word begins behind a colon or an equals sign.
    prefix=\${current%"\${current##*[:=]}"}
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :* ]]; then
            directive=\${line#:}
        else
            line=\${line%%$'\\t'*}
            if [[ $line == "$current"* ]]; then COMPREPLY+=("\${line#"$prefix"}"); fi
        fi
    done < <(transload complete -- "\${words[@]:1}" 2>/dev/null)
    if ((directive & 2)); then compopt -o nospace; fi
    if ((directive & 4)); then compopt +o default; fi
}
complete -o default -F _transload transload
`
