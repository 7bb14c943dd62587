/* SPDX-License-Identifier: MIT */
/* vm_commands.h - the commands about running VMs. Each takes its arguments from its own name on and returns the exit
 * status: 0; 125 when anything could not be done, which was said. */
#ifndef CAY_VMM_CLI_VM_COMMANDS_H
#define CAY_VMM_CLI_VM_COMMANDS_H

struct process_start;

int command_ps(int argc, char **argv, const struct process_start *start);
int command_stats(int argc, char **argv, const struct process_start *start);
int command_inspect(int argc, char **argv, const struct process_start *start);
int command_logs(int argc, char **argv, const struct process_start *start);
int command_rm(int argc, char **argv, const struct process_start *start);
int command_stop(int argc, char **argv, const struct process_start *start);
int command_kill(int argc, char **argv, const struct process_start *start);

#endif
