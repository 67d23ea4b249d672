/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verbs; each is described in main.c's table. */
#pragma once

int verb_check(int argc, char **argv);
int verb_cp(int argc, char **argv);
int verb_create(int argc, char **argv);
int verb_enter(int argc, char **argv);
int verb_events(int argc, char **argv);
int verb_freeze(int argc, char **argv);
int verb_holders(int argc, char **argv);
int verb_key(int argc, char **argv);
int verb_key_ls(int argc, char **argv);
int verb_kill(int argc, char **argv);
int verb_ls(int argc, char **argv);
int verb_mount(int argc, char **argv);
int verb_mounts(int argc, char **argv);
int verb_of(int argc, char **argv);
int verb_ps(int argc, char **argv);
int verb_reboot(int argc, char **argv);
int verb_rename(int argc, char **argv);
int verb_rm(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_set(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_stats(int argc, char **argv);
int verb_stop(int argc, char **argv);
int verb_thaw(int argc, char **argv);
int verb_umount(int argc, char **argv);
int verb_wait(int argc, char **argv);
