/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets a socket past the IPsec policies that its own key makes possible.
 */
#ifndef _NET_BYPASS_H
#define _NET_BYPASS_H

/*
 * As IKE daemons do for their sockets, or a tunnel without key would hold the
 * traffic that is to bring it key. Inherited by accepted sockets. Return: 0,
 * or a negative errno: -EPERM without CAP_NET_ADMIN, -ENOPROTOOPT where the
 * kernel has no IPsec; neither matters where nothing is to be passed.
 */
int bypass_ipsec(int fd, int family);

#endif /* _NET_BYPASS_H */
