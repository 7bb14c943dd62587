# SPDX-License-Identifier: MIT
# Completion of cay for bash: commands, the flags that `cay help run` lists, and after the program's name what that program completes.
_cay()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run ps stats inspect logs stop kill rm doctor version help' -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]} in
	run) ;;
	doctor | version) mapfile -t COMPREPLY < <(compgen -W '--json' -- "$cur"); return ;;
	logs | rm) mapfile -t COMPREPLY < <(compgen -W "$(cay ps -a -q 2>/dev/null)" -- "$cur"); return ;;
	stats | inspect | stop | kill) mapfile -t COMPREPLY < <(compgen -W "$(cay ps -q 2>/dev/null)" -- "$cur"); return ;;
	*) return ;;
	esac
	# The program is the first word that is neither a flag nor a flag's value.
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) ((i++)); break ;;
		--root | -v | --volume | -e | --env | --env-file | -w | --workdir | -u | --user | --hostname | -m | --memory | -c | --cpus | --name | \
			--io-core | --backend | --gdb | --net | --pcap | -p | --publish) ((i++)) ;;
		-*) ;;
		*) break ;;
		esac
	done
	if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
		_command_offset "$i"
		return
	fi
	case $prev in
	--root) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--env-file | -v | --volume) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--backend) mapfile -t COMPREPLY < <(compgen -W 'auto kvm' -- "$cur"); return ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(cay help run | grep -oE -- '(^| )--?[a-z][a-z-]*' | sort -u)" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -cf -- "$cur")
	fi
}
complete -o filenames -F _cay cay
