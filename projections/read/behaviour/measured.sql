-- name: of_customer
SELECT {values} FROM customers c WHERE c.account_id = {account} AND c.customer_no = {customer}
