# Completion of taskd(1) for fish. taskd itself says what can stand where the cursor is.

function __taskd_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lead (string match -r -- '^--[^=]*=' $current)
    set -l part (string replace -r -- '^--[^=]*=' '' $current)
    for line in (command $words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                for path in (__fish_complete_path $part)
                    echo "$lead"$path
                end
            case :dirs
                for path in (__fish_complete_directories $part)
                    echo "$lead"$path
                end
            case ':command *'
                set -l from (math 2 + (string replace ':command ' '' $line))
                complete -C (string join ' ' -- (string escape -- $words[$from..-1]) $current)
            case '*'
                echo $line
        end
    end
end

complete -c taskd -f -a '(__taskd_complete)'
